package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/posener/complete"
	"github.com/willabides/kongplete"

	"github.com/jeton-go/jeton/internal/loadgen"
	"github.com/jeton-go/jeton/issuer"
)

// Exit codes: the operation holds, is refused, or was asked for wrongly.
const (
	exitOK      = 0
	exitRefused = 1
	exitUsage   = 2
)

// cli is the whole command line. Each command is in a file of its own.
type cli struct {
	Demo  demoCmd  `cmd:"" help:"Watch the whole flow in one process: log in, call an API, refresh, replay a stolen token."`
	Serve serveCmd `cmd:"" help:"Run the token service."`
	Guard guardCmd `cmd:"" help:"Decide for nginx, Caddy, HAProxy, Traefik or Envoy which requests may pass."`

	Keygen keygenCmd `cmd:"" group:"Tokens and keys:" help:"Make a key."`
	Key    keyCmd    `cmd:"" group:"Tokens and keys:" help:"Convert keys, publish them, compute thumbprints."`

	Sign   signCmd   `cmd:"" group:"Tokens and keys:" help:"Sign claims."`
	Verify verifyCmd `cmd:"" group:"Tokens and keys:" help:"Verify a token and print its claims."`
	Decode decodeCmd `cmd:"" group:"Tokens and keys:" help:"Show what a token says, without verifying it."`
	Lint   lintCmd   `cmd:"" group:"Tokens and keys:" help:"Say what is wrong with a token, or weak about it, without verifying it."`

	Config  configCmd  `cmd:"" group:"Looking after the service:" help:"Show and check the settings of the service."`
	Doctor  doctorCmd  `cmd:"" group:"Looking after the service:" help:"Look at an installation and say what is wrong and what to do."`
	User    userCmd    `cmd:"" group:"Looking after the service:" help:"Keep the embedded users."`
	Session sessionCmd `cmd:"" group:"Looking after the service:" help:"List and revoke sessions."`
	Keys    keysCmd    `cmd:"" group:"Looking after the service:" help:"Look at the service's own keys."`
	Audit   auditCmd   `cmd:"" group:"Looking after the service:" help:"Who did what, when, from where: read the audit log, and check it."`
	Backup  backupCmd  `cmd:"" group:"Looking after the service:" help:"Copy the database while the service runs."`
	Migrate migrateCmd `cmd:"" group:"Looking after the service:" help:"Look at the database's schema, and bring it up to date."`
	Bench   benchCmd   `cmd:"" group:"Measuring a service:" help:"Put load on a service and measure it."`

	Version    versionCmd                   `cmd:"" group:"This program:" help:"Print the version."`
	Completion kongplete.InstallCompletions `cmd:"" group:"This program:" help:"Print the line that turns on completion in your shell (bash, zsh, fish)."`
}

const description = `JSON Web Tokens from end to end: a token service, verification, and tools.

Start with "jeton demo". Exit status: 0 it holds, 1 it is refused (the reason is on stderr), 2 wrong usage. Data goes to stdout, everything else to stderr; "-" reads stdin. Every flag can be set in the environment as JETON_ and its name: JETON_DATA for --data; those of "jeton serve" in a file too: see "jeton config".`

// streams are the three standard ones, for commands to use instead of os.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// usageError is a mistake in how a command was called.
type usageError struct{ error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// quietError says that the reason was printed already.
type quietError struct{ error }

type exited int // what kong's --help asks for

func run(args []string, in io.Reader, out, errOut io.Writer) int {
	return runWith(args, in, out, errOut, func(string) {})
}

// runWith is run for tests, which are told of the steps of a command.
func runWith(args []string, in io.Reader, out, errOut io.Writer, at steps) (code int) {
	defer func() {
		if e := recover(); e != nil {
			n, ok := e.(exited)
			if !ok {
				panic(e)
			}
			code = int(n)
		}
	}()
	if len(args) == 1 && args[0] == hashPasswords {
		return workOfHashing(in, out, errOut)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	ctx = asCommand(ctx)

	var c cli
	file := &configuration{}
	parser, err := kong.New(&c,
		kong.Name("jeton"),
		kong.Description(description),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.PostBuild(finish),
		kong.Vars{"mix": loadgen.DefaultMix},
		kong.Writers(out, errOut),
		kong.Exit(func(n int) { panic(exited(n)) }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&streams{in, out, errOut}, file, at),
		kong.WithBeforeResolve(file.load),
	)
	if err != nil {
		fmt.Fprintln(errOut, "jeton:", err)
		return exitUsage
	}
	kongplete.Complete(parser, kongplete.WithPredictor("file", complete.PredictFiles("*")))
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(errOut, "jeton: %s\n%s\n", redacted(err.Error()), hint(err))
		return exitUsage
	}
	err = parsed.Run()
	var wrong usageError
	var quiet quietError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &wrong):
		fmt.Fprintf(errOut, "jeton %s: %s\n", commandName(parsed), message(err))
		return exitUsage
	case errors.As(err, &quiet):
		return exitRefused
	default:
		fmt.Fprintf(errOut, "jeton %s: %s\n", commandName(parsed), message(err))
		return exitRefused
	}
}

// finish gives each flag its variable: JETON_ and its name in capitals, whatever is
// in it (kong's own would make JETON_PKCS_11_PIN_FILE). It also takes the group of a
// command, which is for the list of commands, from the command's flags.
func finish(k *kong.Kong) error {
	return kong.Visit(k.Model, func(each kong.Visitable, next kong.Next) error {
		node, ok := each.(*kong.Node)
		if !ok {
			return next(nil)
		}
		for _, flag := range node.Flags {
			if node.Group != nil && flag.Group != nil && flag.Group.Key == node.Group.Key {
				flag.Group = nil
			}
			switch {
			case flag.Name == "help":
			case len(flag.Envs) == 1 && flag.Envs[0] == "-":
				flag.Envs = nil
			case len(flag.Envs) == 0:
				flag.Envs = []string{"JETON_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(flag.Name))}
			}
			flag.Value.Tag.Envs = flag.Envs
		}
		return next(nil)
	})
}

// message is an error as people read it: without the words by which the package
// tells a program that it was called wrongly.
func message(err error) string {
	return redacted(strings.TrimPrefix(err.Error(), issuer.ErrConfig.Error()+": "))
}

// hint tells where to read on after a usage error.
func hint(err error) string {
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil {
		if name := commandName(parse.Context); name != "" {
			return fmt.Sprintf("Try: jeton %s --help", name)
		}
	}
	return "Try: jeton --help"
}

func commandName(c *kong.Context) string {
	var words []string
	for _, word := range strings.Fields(c.Command()) {
		if !strings.HasPrefix(word, "<") {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

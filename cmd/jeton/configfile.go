package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/jeton-go/jeton/internal/strictyaml"
)

// configFile is the type of the flag that names the configuration file. Whatever
// command has one takes from the file what neither its command line nor the
// environment gives.
type configFile string

// mostConfig is how long a configuration file may be.
const mostConfig = 1 << 20

// masked stands for a secret in what jeton config show prints.
const masked = "********"

// A configuration is the file that a command was told to read. Its keys are the
// names of the flags of jeton serve, all of them, so a new flag is a key without
// further ado. A flag with the tag config:"-" means something else than the one of
// that name in jeton serve, and takes nothing from the file.
type configuration struct {
	name     string // of the file; "" for none
	settings map[string]setting
}

// A setting is a value in the file.
type setting struct {
	line  int
	value any // in the form that kong takes
}

// load is what kong calls before it resolves flags.
func (c *configuration) load(ctx *kong.Context, trace *kong.Path) error {
	if trace.App == nil {
		return nil // kong calls once for each element of the path
	}
	flag := configFlag(ctx.Flags())
	if flag == nil {
		return nil
	}
	wrong := unknownVariables(ctx.Model, os.Environ())
	if name, _ := ctx.FlagValue(flag).(configFile); name != "" {
		c.name = string(name)
		wrong = errors.Join(wrong, c.read(serveFlags(ctx.Model)))
		ctx.AddResolver(c)
	}
	return wrong
}

func configFlag(flags []*kong.Flag) *kong.Flag {
	for _, flag := range flags {
		if flag.Target.Type() == reflect.TypeFor[configFile]() {
			return flag
		}
	}
	return nil
}

// serveFlags are those of jeton serve that can be set in a file, by name.
func serveFlags(app *kong.Application) map[string]*kong.Flag {
	flags := make(map[string]*kong.Flag)
	for _, command := range app.Children {
		if command.Name != "serve" {
			continue
		}
		for _, flag := range command.Flags {
			if flag.Target.Type() != reflect.TypeFor[configFile]() && flag.Name != "help" {
				flags[flag.Name] = flag
			}
		}
	}
	return flags
}

// Validate is for kong, and has nothing to do: load has done it.
func (c *configuration) Validate(*kong.Application) error { return nil }

// Resolve returns what the file says of a flag, nil for nothing. kong asks for
// flags that the command line does not set; the environment goes first too.
func (c *configuration) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	s, ok := c.settings[flag.Name]
	if !ok || flag.Tag.Get("config") == "-" || variable(flag) != "" {
		return nil, nil
	}
	if serve := serveFlags(ctx.Model)[flag.Name]; serve == nil || serve.Target.Type() != flag.Target.Type() {
		return nil, nil
	}
	return s.value, nil
}

// variable returns the name of the variable that sets a flag, "" for none.
func variable(flag *kong.Flag) string {
	for _, name := range flag.Envs {
		if _, ok := os.LookupEnv(name); ok {
			return name
		}
	}
	return ""
}

// read reads the file and tells all that is wrong with it.
func (c *configuration) read(flags map[string]*kong.Flag) error {
	data, err := readInput(nil, c.name, mostConfig)
	if err != nil {
		return err
	}
	d := &configDocument{strictyaml.Document{Name: c.name}}
	c.settings = make(map[string]setting)
	fields := make(map[string]func(*strictyaml.Node))
	for name, flag := range flags {
		fields[name] = func(n *strictyaml.Node) {
			if value := d.setting(n, flag); value != nil {
				c.settings[name] = setting{n.Line, value}
			}
		}
	}
	if top := d.Parse(data); top != nil {
		d.Mapping(top, "the configuration", fields)
	}
	return d.Err()
}

// configDocument reads values as flags take them.
type configDocument struct{ strictyaml.Document }

// setting returns the value in the form that kong takes; nil, perhaps with a
// fault, for none.
func (d *configDocument) setting(n *strictyaml.Node, flag *kong.Flag) any {
	target := flag.Target.Type()
	switch {
	case target.Kind() == reflect.Slice:
		return d.list(n, flag)
	case target.Kind() == reflect.Map:
		return d.pairs(n, flag)
	}
	text, ok := d.scalar(n, flag, target)
	if !ok {
		return nil
	}
	return d.accepted(n, flag, text)
}

func (d *configDocument) list(n *strictyaml.Node, flag *kong.Flag) any {
	elements := []*strictyaml.Node{n} // a single text is a list of one
	switch n.Kind {
	case strictyaml.Mapping:
		d.Fault(n.Line, "%s takes a list, not %s", flag.Name, strictyaml.Kind(n))
		return nil
	case strictyaml.Sequence:
		elements = n.Content
		if len(elements) == 0 && flag.HasDefault {
			d.Fault(n.Line, "%s is an empty list", flag.Name)
		}
	}
	var texts []string
	for _, each := range elements {
		if text, ok := d.scalar(each, flag, flag.Target.Type().Elem()); ok {
			texts = append(texts, text)
		}
	}
	if len(texts) == 0 || len(texts) < len(elements) {
		return nil
	}
	return d.accepted(n, flag, joined(flag, texts, flag.Tag.Sep))
}

func (d *configDocument) pairs(n *strictyaml.Node, flag *kong.Flag) any {
	if n.Kind != strictyaml.Mapping {
		d.Fault(n.Line, "%s takes names with values, not %s", flag.Name, strictyaml.Kind(n))
		return nil
	}
	var texts []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		if text, ok := d.scalar(n.Content[i+1], flag, flag.Target.Type().Elem()); ok {
			texts = append(texts, n.Content[i].Value+"="+text)
		}
	}
	if len(texts) == 0 || len(texts) < len(n.Content)/2 {
		return nil
	}
	return d.accepted(n, flag, joined(flag, texts, flag.Tag.MapSep))
}

// joined is how a list is written in one text; a flag that knows no separator
// takes the list itself.
func joined(flag *kong.Flag, texts []string, sep rune) any {
	if sep != -1 {
		return kong.JoinEscaped(texts, sep)
	}
	list := make([]any, len(texts))
	for i, text := range texts {
		list[i] = text
	}
	return list
}

// scalar returns a value that is one text, and whether it is one.
func (d *configDocument) scalar(n *strictyaml.Node, flag *kong.Flag, target reflect.Type) (string, bool) {
	wants, good := expectation(flag, target)
	if n.Kind != strictyaml.Scalar || n.Tag == "!!null" || !good(n) {
		nearest := ""
		if words := flag.EnumSlice(); flag.Enum != "" && n.Kind == strictyaml.Scalar {
			nearest = strictyaml.DidYouMean(n.Value, words)
		}
		d.Fault(n.Line, "%s takes %s, not %s%s", flag.Name, wants, strictyaml.Kind(n), nearest)
		return "", false
	}
	if strings.Contains(n.Value, masked) {
		d.Fault(n.Line, "%s: the secret is masked, as jeton config show does it; fill it in", flag.Name)
		return "", false
	}
	return n.Value, true
}

// expectation says in words what a flag takes, and tests for it.
func expectation(flag *kong.Flag, target reflect.Type) (string, func(*strictyaml.Node) bool) {
	if target.Kind() == reflect.Pointer {
		target = target.Elem()
	}
	number := func(parse func(string) error) func(*strictyaml.Node) bool {
		return func(n *strictyaml.Node) bool { return parse(n.Value) == nil }
	}
	switch {
	case target == reflect.TypeFor[time.Duration]():
		return "a time such as 30s, 5m or 720h", number(func(s string) error { _, err := time.ParseDuration(s); return err })
	case flag.Enum != "":
		words := flag.EnumSlice()
		return strings.Join(words, ", "), func(n *strictyaml.Node) bool { return slices.Contains(words, n.Value) }
	}
	switch target.Kind() {
	case reflect.Bool:
		return "true or false without quotes", func(n *strictyaml.Node) bool { return n.Tag == "!!bool" }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number", number(func(s string) error { _, err := strconv.ParseInt(s, 0, target.Bits()); return err })
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number from 0", number(func(s string) error { _, err := strconv.ParseUint(s, 0, target.Bits()); return err })
	case reflect.Float32, reflect.Float64:
		return "a number", number(func(s string) error { _, err := strconv.ParseFloat(s, target.Bits()); return err })
	default:
		return "a text", func(*strictyaml.Node) bool { return true }
	}
}

// accepted returns the value if the flag takes it. What is not of one of the usual
// types has a reader of its own, which knows best.
func (d *configDocument) accepted(n *strictyaml.Node, flag *kong.Flag, value any) any {
	scratch := reflect.New(flag.Target.Type()).Elem()
	err := flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: kong.Scan().PushTyped(value, kong.FlagValueToken)}, scratch)
	if err != nil {
		d.Fault(n.Line, "%s: %v", flag.Name, err)
		return nil
	}
	return value
}

// unknownVariables tells of variables that begin like ours and that nothing reads:
// a mistyped one would be ignored without a word.
func unknownVariables(app *kong.Application, environ []string) error {
	known := append(slices.Clone(testVariables), masterKeyVariable)
	var walk func(*kong.Node)
	walk = func(n *kong.Node) {
		for _, flag := range n.Flags {
			known = append(known, flag.Envs...)
		}
		for _, child := range n.Children {
			walk(child)
		}
	}
	walk(app.Node)
	var wrong []error
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "JETON_") || slices.Contains(known, name) || serviceLink(name, value) {
			continue
		}
		nearest := strictyaml.Nearest(name, known)
		if nearest != "" {
			nearest = fmt.Sprintf("; did you mean %s?", nearest)
		}
		wrong = append(wrong, fmt.Errorf("the environment has %s, which is no setting%s", name, nearest))
	}
	return errors.Join(wrong...)
}

// testVariables steer this project's own tests, which run this program.
var testVariables = []string{"JETON_CI", "JETON_FAULT", "JETON_FAULT_CLOCK", "JETON_FAULT_TICK", "JETON_VULNDB", "JETON_FEED_ROUNDS", "JETON_BENCH_SESSIONS", "JETON_TEST_DIE_AT"}

// serviceLink recognizes what Kubernetes and Docker put into the environment of
// every container beside a service whose name begins with "jeton":
// JETON_PORT=tcp://10.0.0.1:80, JETON_SERVICE_HOST=10.0.0.1 and so on.
func serviceLink(name, value string) bool {
	if strings.HasSuffix(name, "_SERVICE_HOST") || strings.Contains(name, "_SERVICE_PORT") {
		return true
	}
	_, rest, ok := strings.Cut(name, "_PORT")
	if !ok {
		return false
	}
	if rest == "" {
		return strings.Contains(value, "://")
	}
	return strings.Contains(rest, "_TCP") || strings.Contains(rest, "_UDP") || strings.Contains(rest, "_SCTP")
}

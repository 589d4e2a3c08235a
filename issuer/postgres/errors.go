package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jeton-go/jeton/issuer"
)

var (
	errUnknown      = errors.New("the connection broke during the commit, and nobody knows whether it happened")
	errUnreplicated = errors.New("the commit was cut short before a standby had it")
)

// failure says what an error means for another attempt.
type failure int

const (
	final     failure = iota // it would end the same way
	disturbed                // other transactions were in the way; it was rolled back
	misplaced                // it was rolled back, and another connection may do better
	broken                   // the connection, or the server, is gone
)

func failureOf(err error) failure {
	if ofContract(err) {
		return final
	}
	if errors.Is(err, errUnreplicated) {
		return broken
	}
	var e *pgconn.PgError
	if errors.As(err, &e) {
		switch {
		case e.Code == "40001" || e.Code == "40P01":
			return disturbed
		case e.Code == lostStatement || e.Routine == staleRoutine:
			return misplaced
		case e.Code == "25006": // read-only: no primary any longer
			return broken
		case strings.HasPrefix(e.Code, "57P"), strings.HasPrefix(e.Code, "08"), e.Code == "53300":
			return broken
		case e.Severity == "FATAL" || e.Severity == "PANIC" || e.SeverityUnlocalized == "FATAL" || e.SeverityUnlocalized == "PANIC":
			return unlessConfiguration(e)
		}
		return final
	}
	var scan pgx.ScanArgError
	if errors.As(err, &scan) || errors.Is(err, pgx.ErrNoRows) || errors.Is(err, errDamaged) {
		return final
	}
	return broken
}

// unlessConfiguration tells a server that is in trouble from one that will not
// have us: a wrong password, no such database.
func unlessConfiguration(e *pgconn.PgError) failure {
	if strings.HasPrefix(e.Code, "28") || strings.HasPrefix(e.Code, "3D") {
		return final
	}
	return broken
}

// errDamaged: what the database holds can't be what this package wrote.
var errDamaged = errors.New("a damaged row")

func ofContract(err error) bool {
	for _, plain := range contractErrors {
		if errors.Is(err, plain) {
			return true
		}
	}
	return false
}

var contractErrors = []error{issuer.ErrNotFound, issuer.ErrConflict, issuer.ErrExists, errRefused}

// explain makes of an error what the store returns: the contract's errors and
// the context's as they are, any other with what to do about it.
func explain(op string, err error) error {
	if err == nil {
		return nil
	}
	for _, plain := range append(contractErrors, context.Canceled, context.DeadlineExceeded) {
		if errors.Is(err, plain) && !errors.Is(err, errUnknown) {
			return err
		}
	}
	var e *pgconn.PgError
	if errors.As(err, &e) {
		if advice := advices[e.Code]; advice != "" {
			return fmt.Errorf("postgres: %s: %s: %w", op, advice, err)
		}
	}
	return fmt.Errorf("postgres: %s: %w", op, err)
}

// advices tell what an error means for whoever runs the service.
var advices = map[string]string{
	"22021": "a text holds bytes that the database can't store (it must be UTF-8 without NUL)",
	"25006": "the server is read-only: name the primary, or all hosts, in the connection string",
	"28P01": "the user or the password is wrong",
	"28000": "the server's pg_hba.conf does not let this user in",
	"3D000": "the database does not exist; create it first",
	"3F000": "the schema does not exist; create it first",
	"42501": "the role lacks a privilege; it must own the schema, or be granted CREATE and USAGE on it",
	"42P07": "a table of that name exists and is not jeton's: give jeton a database or a schema of its own",
	"53100": "the database's disk is full; make room and try again",
	"53300": "the server has no connection left; lower pool_max_conns, raise max_connections, or use a pooler",
}

// A server whose commit waits for a standby gives up when an operator cancels
// it or shuts the server down. It then says "committed", with a warning that no
// standby has it: that is not what an acknowledgement means here.
const syncRepRoutine = "SyncRepWaitForLSN"

const unreplicatedKey = "jeton.unreplicated"

func noteUnreplicated(c *pgconn.PgConn, n *pgconn.Notice) {
	if n.Routine == syncRepRoutine {
		c.CustomData()[unreplicatedKey] = true
	}
}

func forgetUnreplicated(c *pgx.Conn) { delete(c.PgConn().CustomData(), unreplicatedKey) }

func unreplicated(c *pgx.Conn) bool {
	_, told := c.PgConn().CustomData()[unreplicatedKey]
	return told
}

package main

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/jeton-go/jeton"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/postgres"
	"github.com/jeton-go/jeton/issuer/sqlite"
)

const (
	logLarge = 256 << 20 // bytes; the log is shortened to 64 MiB when it can be
	// clockApart is what clocks may be apart before somebody should look; from
	// issuer.Leeway on tokens are refused.
	clockApart = 5 * time.Second
	// standbyBehind is how many bytes of log are a standby that has trouble.
	standbyBehind = 64 << 20
	// signsLong is how long a key may sign that nothing rotates.
	signsLong = 365 * 24 * time.Hour
)

// store looks at the database, and at the keys in it.
func (d *doctor) store(ctx context.Context) {
	var keys []issuer.StoredKey
	var latest time.Time
	ok := false
	if d.DB != "" {
		var e postgres.Examination
		e, ok = d.postgres(ctx)
		keys, latest = e.Keys, e.Latest
	} else {
		var e sqlite.Examination
		e, ok = d.sqlite(ctx)
		keys, latest = e.Keys, e.Latest
	}
	if !ok {
		d.masterAlone(ctx)
		return
	}
	d.clock(latest)
	d.keys(ctx, keys, latest)
}

// masterAlone looks at a master key without the keys that it opens.
func (d *doctor) masterAlone(ctx context.Context) {
	source, err := d.source(d.dataFlags, func(string) {})
	if err != nil {
		return // the settings' check has said it
	}
	switch _, err := source.read(ctx); {
	case source.inData && errors.Is(err, fs.ErrNotExist):
	case err != nil:
		d.tell("master key", failure, "the service can't start without it", "%v", err)
	default:
		d.ok("master key", "%s has one; whether it fits is in the database", source.name)
	}
}

// sqlite tells whether there is more to look at.
func (d *doctor) sqlite(ctx context.Context) (sqlite.Examination, bool) {
	const check = "database"
	name := filepath.Join(d.Data, databaseFile)
	e, err := sqlite.Examine(ctx, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.tell(check, failure, "name the right directory (--data); jeton serve and jeton user add make a database", "there is no %s", name)
		return e, false
	case err != nil:
		d.tell(check, failure, "see whether this user may read it; restore a backup if it is damaged", "%v", err)
		return e, false
	case len(e.Damage) > 0:
		d.tell(check, failure, "stop the service, keep the file for an analysis, restore a backup, and look for a failing disk",
			"%s is damaged: %s", name, strings.Join(e.Damage, "; "))
		return e, false
	}
	if !d.schemaSteps(e.Steps) {
		return e, false
	}
	d.ok(check, "%s: %s, SQLite's check finds no damage", name, size(e.Size))
	if e.Log > logLarge {
		d.tell("log of the database", warning, "look for a command or a copy that has had the database open for long; it shrinks when that ends, or when the service starts",
			"%s-wal has %s", name, size(e.Log))
	}
	return e, true
}

func (d *doctor) postgres(ctx context.Context) (postgres.Examination, bool) {
	const check = "database"
	if err := d.checkDB(); err != nil {
		d.tell(check, failure, "correct --db", "%v", err)
		return postgres.Examination{}, false
	}
	e, err := postgres.Examine(ctx, d.DB, time.Now)
	if err != nil {
		d.tell(check, failure, "see whether it runs, takes writes, and lets this user in from here", "%s: %v", d.where(), err)
		return e, false
	}
	for _, each := range []struct {
		bad       bool
		state     health
		found, do string
	}{
		{e.SynchronousCommit == "off", failure, "synchronous_commit is off: a crash loses sessions and revocations that were acknowledged, and jeton serve refuses to start",
			"ALTER ROLE ... SET synchronous_commit = on"},
		{e.Fsync == "off", failure, "fsync is off: a power cut may lose the whole database, and jeton serve refuses to start", "fsync = on in postgresql.conf"},
		{e.FullPageWrites == "off", warning, "full_page_writes is off: a power cut may leave half-written pages, unless the file system writes pages whole", "full_page_writes = on in postgresql.conf"},
		{e.Fill != 0 && e.Fill > 90, warning, "the table of sessions has no room in its pages: rotations grow it and its indexes", "ALTER TABLE sessions SET (fillfactor = 90)"},
	} {
		if each.bad {
			d.tell(check, each.state, each.do, "%s", each.found)
		}
	}
	d.standbys(e.Standbys)
	if apart := e.Now.Sub(d.now).Abs() - e.Took; apart > clockApart {
		d.tell("clock", warning, "let NTP set the clocks of both machines", "this machine and the database's are %s apart", apart.Round(time.Second))
	}
	if !d.schemaSteps(e.Steps) {
		return e, false
	}
	d.ok(check, "%s: PostgreSQL %s, %s, commits are durable (synchronous_commit = %s)", d.where(), e.Version, size(e.Size), e.SynchronousCommit)
	return e, true
}

func (d *doctor) standbys(standbys []postgres.Standby) {
	for _, s := range standbys {
		switch {
		case s.State == "":
			d.ok("standby", "%s; GRANT pg_monitor to see how far behind it is", s.Name)
		case s.State != "streaming":
			d.tell("standby", warning, "look into its log", "%s is in the state %q", s.Name, s.State)
		case s.Behind > standbyBehind:
			d.tell("standby", warning, "look for a slow disk or network, or a long query on it; after a failover to it, what it lacks is lost", "%s is %s behind", s.Name, size(s.Behind))
		default:
			d.ok("standby", "%s (%s) is %s behind", s.Name, s.Sync, size(s.Behind))
		}
	}
}

// schemaSteps tells whether the schema is the one of this version.
func (d *doctor) schemaSteps(steps []issuer.SchemaStep) bool {
	const check = "schema"
	switch present, newest := issuer.SchemaVersions(steps); {
	case present == 0:
		d.tell(check, failure, "name the right database; jeton serve and jeton user add make the tables", "there is no store in %s", d.where())
	case present > newest:
		d.tell(check, failure, "use that version, or restore a backup from before", "version %d, of a newer jeton than this one, which knows %d", present, newest)
	case present < newest:
		d.tell(check, warning, "back up, and then jeton migrate up, or start the service, which does it", "version %d; this jeton works with %d", present, newest)
	default:
		d.ok(check, "version %d", present)
		return true
	}
	return false
}

// clock holds the clock against the store's time, which never goes back.
func (d *doctor) clock(latest time.Time) {
	if latest.IsZero() {
		return
	}
	switch ahead := latest.Sub(d.now); {
	case ahead > issuer.Leeway:
		d.tell("clock", failure, "set the clock (timedatectl, chronyc tracking). If the store's time is the wrong one, it waits until the clock has caught up: sessions end later than they should, and nothing else is lost",
			"the store has seen %s, which is %s later than this machine's clock", latest.Format(time.RFC3339), ahead.Round(time.Second))
	case ahead > clockApart:
		d.tell("clock", warning, "let NTP set the clocks of all nodes", "the store has seen a time that is %s later than this machine's clock", ahead.Round(time.Second))
	default:
		d.ok("clock", "not behind the store's time")
	}
}

// keys looks at the keys, and at the master key that opens them.
func (d *doctor) keys(ctx context.Context, keys []issuer.StoredKey, latest time.Time) {
	if len(keys) == 0 {
		d.ok("keys", "none yet: jeton serve makes them")
		return
	}
	d.master(ctx, keys)
	d.token(ctx, keys)
	now := d.now
	if latest.After(now) {
		now = latest
	}
	active := make(map[issuer.KeyUse]bool)
	late := false
	for _, k := range keys {
		if k.Use == issuer.UseAccess {
			d.kids = append(d.kids, k.ID)
		}
		active[k.Use] = active[k.Use] || k.State == issuer.KeyActive
		if due, what := dueStep(k); !due.IsZero() && now.Sub(due) > 2*issuer.TickWithin {
			late = true
			d.overdue(k, what, now.Sub(due))
		}
		if k.State == issuer.KeyActive && k.Use == issuer.UseAccess {
			d.signs(k, now)
		}
	}
	for _, use := range []issuer.KeyUse{issuer.UseAccess, issuer.UseRefresh} {
		if !active[use] {
			d.tell("keys", failure, "restore a backup of the database, or start the service, which makes one", "there is no active %s key", use)
		}
	}
	if !late {
		d.ok("keys", "%d, none is late", len(keys))
	}
}

// dueStep returns when a key's next step is due, and what it is.
func dueStep(k issuer.StoredKey) (time.Time, string) {
	switch k.State {
	case issuer.KeyNext:
		return k.ActiveAt, "should sign"
	case issuer.KeyActive:
		return k.RetiredAt, "should have been replaced"
	default:
		return k.GoneAt, "should be gone"
	}
}

func (d *doctor) overdue(k issuer.StoredKey, what string, by time.Duration) {
	state, do := warning, "start the service, which does it"
	if d.running {
		state, do = failure, "look into the service's log for \"housekeeping failed\""
	}
	d.tell("keys", state, do, "%s key %s is %s and %s since %s", k.Use, k.ID, k.State, what, by.Round(time.Second))
}

// signs looks at the key that signs access tokens.
func (d *doctor) signs(k issuer.StoredKey, now time.Time) {
	if jeton.Algorithm(k.Algorithm).Symmetric() {
		d.tell("algorithm", warning, "jeton serve --alg RS256, unless this service verifies its own tokens",
			"%s: verifiers need the secret itself, and whoever has it can make tokens", k.Algorithm)
	}
	if age := now.Sub(k.ActiveAt); k.RetiredAt.IsZero() && age > signsLong {
		d.tell("keys", warning, "jeton keys rotate, or a --key-period", "the access key has signed for %d days and nothing replaces it", int(age.Hours()/24))
	}
}

func (d *doctor) master(ctx context.Context, keys []issuer.StoredKey) {
	const check = "master key"
	source, err := d.source(d.dataFlags, func(said string) { d.ok(check, "%s", said) })
	if err != nil {
		d.tell(check, failure, "name one place", "%v", err)
		return
	}
	// As there are keys, none is made.
	master, err := source.open(ctx, storedKeys(keys))
	if err != nil {
		d.tell(check, failure, "the service can't start without it", "%v", err)
		return
	}
	switch err := issuer.CheckKeys(keys, master); {
	case errors.Is(err, issuer.ErrMasterKey):
		d.tell(check, failure, "find the one that belongs to this database; without it every user has to log in again", "%v", err)
	case err != nil:
		d.tell(check, failure, "restore a backup of the database", "%v", err)
	default:
		d.ok(check, "%s opens all %d keys", source.name, len(keys))
	}
}

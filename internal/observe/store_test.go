package observe_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jeton-go/jeton/internal/observe"
	"github.com/jeton-go/jeton/issuer"
	"github.com/jeton-go/jeton/issuer/memory"
	"github.com/jeton-go/jeton/issuer/storetest"
)

func quiet(ctx context.Context, _ observe.Op) (context.Context, func(error)) {
	return ctx, func(error) {}
}

func TestAStoreThatIsWatchedIsTheSameStore(t *testing.T) {
	storetest.Run(t, func(testing.TB) storetest.Place {
		return storetest.Place{Open: func(now func() time.Time) (issuer.Store, error) {
			return observe.Store(memory.New(now), quiet), nil
		}}
	})
}

// Each method of the interface is told of, once, and those to come as well: a new
// one has to be added.
func TestEachMethodTellsWhenItBeginsAndEnds(t *testing.T) {
	type key struct{}
	var mu sync.Mutex
	var told []string
	begin := func(ctx context.Context, op observe.Op) (context.Context, func(error)) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, op.String())
		return context.WithValue(ctx, key{}, op), func(err error) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, observe.Outcome(err))
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	s := reflect.ValueOf(observe.Store(memory.New(time.Now), begin))
	methods := reflect.TypeFor[issuer.Store]()
	var names []string
	for i := range methods.NumMethod() {
		m := methods.Method(i)
		args := []reflect.Value{reflect.ValueOf(canceled)}
		for j := 1; j < m.Type.NumIn(); j++ {
			args = append(args, reflect.Zero(m.Type.In(j)))
		}
		told = nil
		call := s.MethodByName(m.Name).Call
		if m.Type.IsVariadic() {
			call = s.MethodByName(m.Name).CallSlice
		}
		call(args)
		if len(told) != 2 || strings.ReplaceAll(told[0], "_", "") != strings.ToLower(m.Name) || told[1] == "ok" {
			t.Errorf("%s told %q", m.Name, told)
			continue
		}
		names = append(names, told[0])
	}
	for _, op := range observe.Ops() {
		if !slices.Contains(names, op.String()) {
			t.Errorf("no method tells of %s", op)
		}
	}
}

func TestThatNoKeyIsDueIsNoFailure(t *testing.T) {
	var told []string
	s := observe.Store(memory.New(time.Now), func(ctx context.Context, _ observe.Op) (context.Context, func(error)) {
		return ctx, func(err error) { told = append(told, observe.Outcome(err)) }
	})
	declined := errors.New("nothing to do")
	err := s.UpdateKeys(t.Context(), func(time.Time, []issuer.StoredKey) ([]issuer.StoredKey, error) { return nil, declined })
	if !errors.Is(err, declined) || !slices.Equal(told, []string{"ok"}) {
		t.Errorf("%v, told %q", err, told)
	}
}

func TestOfTwoBothAreTold(t *testing.T) {
	var told []string
	one := func(name string) observe.Begin {
		return func(ctx context.Context, op observe.Op) (context.Context, func(error)) {
			told = append(told, name+" begins "+op.String())
			return ctx, func(err error) { told = append(told, name+" ends "+observe.Outcome(err)) }
		}
	}
	s := observe.Store(memory.New(time.Now), observe.Both(one("a"), one("b")))
	_, _, _ = s.Session(t.Context(), issuer.NewSessionID())
	if got := strings.Join(told, "; "); got != "a begins session; b begins session; b ends refused; a ends refused" {
		t.Error(got)
	}
}

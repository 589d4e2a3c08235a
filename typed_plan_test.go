package jeton_test

import (
	"encoding/json"
	"testing"

	"github.com/jeton-go/jeton"
)

// Types that are close to one that VerifyAs has a plan for. A plan writes by
// offsets, so that one for a wrong type would write where it must not.
type (
	textType  string // reads itself
	jsonText  string // reads itself, in the other way
	inner     struct{ jeton.Claims }
	innerOnly struct {
		Tenant string `json:"tenant"`
	}
	listOfInts      struct{ L []int }
	listOfBytes     struct{ L []byte }
	listOfNumbers   struct{ L []json.Number }
	listOfTexts     struct{ L []textType }
	listOfJSONTexts struct{ L []jsonText }
	oneText         struct{ T textType }
	oneJSONText     struct{ T jsonText }
	claimsBehind    struct{ *inner }
	fieldsBehind    struct {
		jeton.Claims
		*innerOnly
	}
	// twins has two fields for the member "X".
	twins struct {
		twinA
		twinB
	}
	twinA       struct{ X string }
	twinB       struct{ X string }
	claimsTwice struct {
		jeton.Claims
		inner
	}
	// ownBefore reads registered claims by itself, and something else after them.
	ownBefore struct {
		Sub    string `json:"sub"`
		Tenant string `json:"tenant"`
	}
	// longNames has two names that share a NameKey with a third.
	longNames struct {
		First string `json:"first"`
		Alike string `json:"aaaaaaaaaaaaaaaa"` // "caaaaaaa\x60aaaaaaa" has its NameKey
		Last  string `json:"last"`
	}
	onlyTime struct {
		D jeton.NumericDate `json:"d"`
		A [2]string
	}
)

func (t *textType) UnmarshalText(b []byte) error { *t = textType("text:" + string(b)); return nil }
func (t *jsonText) UnmarshalJSON(b []byte) error { *t = jsonText("json:" + string(b)); return nil }

func TestVerifyAsReadsTypesThatArePlannedForAlmost(t *testing.T) {
	v := testVerifier(t, hmacKey(t).Public(), lenient)
	for _, payload := range []string{
		`{}`, `{"L":["1","a"],"T":"x","tenant":"acme","x":"y","sub":"s","iss":"i"}`, `{"L":[1,2],"T":"x"}`, `{"L":"AQID"}`, `{"L":null}`,
		`{"tenant":"acme","sub":"s"}`, `{"sub":"s","tenant":"acme","exp":1800000300}`, `{"X":"y"}`,
		"{\"first\":\"1\",\"caaaaaaa`aaaaaaa\":\"stranger\",\"last\":\"2\"}",
		"{\"last\":\"2\",\"caaaaaaa`aaaaaaa\":\"stranger\",\"first\":\"1\"}",
		"{\"aaaaaaaaaaaaaaaa\":\"own\",\"caaaaaaa`aaaaaaa\":\"stranger\"}",
		`{"d":1800000300.5,"A":["a","b"]}`,
	} {
		token := forge(goodHeader, payload)
		sameTyped[listOfInts](t, v, token)
		sameTyped[listOfBytes](t, v, token)
		sameTyped[listOfNumbers](t, v, token)
		sameTyped[listOfTexts](t, v, token)
		sameTyped[listOfJSONTexts](t, v, token)
		sameTyped[oneText](t, v, token)
		sameTyped[oneJSONText](t, v, token)
		sameTyped[claimsBehind](t, v, token)
		sameTyped[fieldsBehind](t, v, token)
		sameTyped[twins](t, v, token)
		sameTyped[claimsTwice](t, v, token)
		sameTyped[ownBefore](t, v, token)
		sameTyped[longNames](t, v, token)
		sameTyped[onlyTime](t, v, token)
	}
	for name, planned := range map[string]bool{
		"[]int": jeton.Planned[listOfInts](), "[]byte": jeton.Planned[listOfBytes](), "[]json.Number": jeton.Planned[listOfNumbers](),
		"[] of what reads itself": jeton.Planned[listOfTexts](), "[] of what reads itself as JSON": jeton.Planned[listOfJSONTexts](),
		"what reads itself": jeton.Planned[oneText](), "what reads itself as JSON": jeton.Planned[oneJSONText](),
		"Claims behind a pointer": jeton.Planned[claimsBehind](), "fields behind a pointer": jeton.Planned[fieldsBehind](),
		"two fields of one name": jeton.Planned[twins](), "Claims twice": jeton.Planned[claimsTwice](), "an array": jeton.Planned[onlyTime](),
	} {
		if planned {
			t.Errorf("%s: there is a plan", name)
		}
	}
	if !jeton.Planned[ownBefore]() || !jeton.Planned[longNames]() {
		t.Error("there is no plan for structs of strings")
	}
}

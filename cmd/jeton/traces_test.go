package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

// traceReceiver is an OTLP receiver.
type traceReceiver struct {
	url string

	mu       sync.Mutex
	text     strings.Builder // all that came, as bytes and in words
	requests []*http.Request
	spans    []*otlp.Span
	about    map[string]string // of the resource
}

func receiveTraces(t *testing.T) *traceReceiver {
	t.Helper()
	r := &traceReceiver{about: map[string]string{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *traceReceiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var message collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &message)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintln(&r.text, req.URL, req.Header, string(body), prototext.Format(&message))
	r.requests = append(r.requests, req)
	for _, of := range message.ResourceSpans {
		for _, a := range of.Resource.Attributes {
			r.about[a.Key] = valueOf(a)
		}
		for _, scope := range of.ScopeSpans {
			r.spans = append(r.spans, scope.Spans...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func valueOf(a *common.KeyValue) string {
	if a.Value.GetStringValue() != "" {
		return a.Value.GetStringValue()
	}
	return fmt.Sprint(a.Value.GetIntValue())
}

func (r *traceReceiver) raw() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// of are the spans of a trace: the name of the one above, the name and the
// attributes.
func (r *traceReceiver) of(traceID string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := map[string]string{}
	for _, s := range r.spans {
		names[string(s.SpanId)] = s.Name
	}
	var all []string
	for _, s := range r.spans {
		if hex.EncodeToString(s.TraceId) != traceID {
			continue
		}
		above := names[string(s.ParentSpanId)]
		if above == "" {
			above = hex.EncodeToString(s.ParentSpanId)
		}
		var attributes []string
		for _, a := range s.Attributes {
			attributes = append(attributes, a.Key+"="+valueOf(a))
		}
		slices.Sort(attributes)
		all = append(all, fmt.Sprintf("%s > %s %s %s", above, s.Name, strings.Join(attributes, " "), s.Status.GetCode()))
	}
	slices.Sort(all)
	return all
}

func TestTracesTellOfARequestAndWhatItWaitedFor(t *testing.T) {
	receiver := receiveTraces(t)
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=token of the receiver")
	data := t.TempDir()
	s := serve(t, data, "--otlp-endpoint", receiver.url)
	addUser(t, data)
	ask := func(method, target, traceID, body string) {
		t.Helper()
		r, err := http.NewRequest(method, s.url+target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Request-Id", "r-1")
		r.Header.Set("Traceparent", "00-"+traceID+"-00f067aa0ba902b7-01")
		r.Header.Set("Tracestate", "vendor=m4rk3r")
		r.Header.Set("Baggage", "user=m4rk3r")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	const login, refused, nowhere, feed = "4bf92f3577b34da6a3ce929d0e0e4736", "4bf92f3577b34da6a3ce929d0e0e4737", "4bf92f3577b34da6a3ce929d0e0e4738", "4bf92f3577b34da6a3ce929d0e0e4739"
	ask("POST", "/v1/login", login, `{"username":"alice","password":"`+testPassword+`"}`)
	ask("POST", "/v1/login", refused, `{"username":"m4rk3r","password":"m4rk3r"}`)
	ask("GET", "/m4rk3r?m4rk3r", nowhere, "")
	ask("GET", "/v1/revocations", feed, "")
	s.stop() // which sends what is left

	root := func(name, route string, status int) string {
		return "00f067aa0ba902b7 > " + name + " http.request.method=" + strings.Fields(name)[0] +
			fmt.Sprintf(" http.response.status_code=%d%s jeton.request_id=r-1 STATUS_CODE_UNSET", status, route)
	}
	for trace, want := range map[string][]string{
		login: {
			root("POST /v1/login", " http.route=/v1/login", 200),
			"POST /v1/login > password_hash jeton.outcome=ok STATUS_CODE_UNSET",
			"POST /v1/login > password_wait jeton.outcome=ok STATUS_CODE_UNSET",
			"POST /v1/login > store.create_session jeton.outcome=ok STATUS_CODE_UNSET",
			"POST /v1/login > store.user jeton.outcome=ok STATUS_CODE_UNSET",
		},
		refused: {
			root("POST /v1/login", " http.route=/v1/login", 400),
			"POST /v1/login > password_hash jeton.outcome=ok STATUS_CODE_UNSET",
			"POST /v1/login > password_wait jeton.outcome=ok STATUS_CODE_UNSET",
			"POST /v1/login > store.user jeton.outcome=refused STATUS_CODE_UNSET",
		},
		nowhere: {root("GET", "", 404)},
		feed:    nil,
	} {
		got := slices.DeleteFunc(receiver.of(trace), func(span string) bool {
			return strings.Contains(span, "login_failure") // how often the limits ask is theirs to say
		})
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if strings.Contains(receiver.raw(), "m4rk3r") {
		t.Error("a trace has what a client wrote")
	}
	if receiver.about["service.name"] != "jeton" || receiver.about["deployment.environment"] != "test" || receiver.about["process.command_line"] != "" {
		t.Errorf("the traces are of %v", receiver.about)
	}
	if r := receiver.requests[0]; r.URL.Path != "/v1/traces" || r.Header.Get("Authorization") != "token of the receiver" {
		t.Errorf("sent to %s with %v", r.URL, r.Header)
	}
	if !strings.Contains(s.log(), `"trace_id":"`+login+`"`) {
		t.Errorf("the log does not name the trace: %s", s.log())
	}
}

func TestTracesNeedAReceiverAndTheServiceDoesNot(t *testing.T) {
	for _, bad := range []string{"localhost:4318", "ftp://localhost", "http://user:s3cret@localhost:4318", "http://localhost:4318?token=s3cret", "https://"} {
		refused(t, exitUsage, "the address for traces is an http or https URL", "serve", "--otlp-endpoint", bad, "--data", t.TempDir())
	}
	data := t.TempDir()
	s := serve(t, data, "--otlp-endpoint", "http://127.0.0.1:1")
	addUser(t, data)
	s.login()
	if code := s.stop(); code != 0 {
		t.Errorf("exit status %d\n%s", code, s.log())
	}
	if !strings.Contains(s.log(), `"msg":"traces"`) {
		t.Errorf("nobody learns that traces are lost: %s", s.log())
	}
}

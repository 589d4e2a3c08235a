package kubetest

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// TestManifests: every field is one that Kubernetes knows, of the type that it
// expects, and what refers to something in the file finds it.
func TestManifests(t *testing.T) {
	var set appsv1.StatefulSet
	var services []*corev1.Service
	var policies []*networkingv1.NetworkPolicy
	names := map[string]bool{} // "Kind/name"
	for _, o := range read(t, "../../packaging/kubernetes/jeton.yaml") {
		switch o := o.(type) {
		case *appsv1.StatefulSet:
			set = *o
		case *corev1.Service:
			services = append(services, o)
		case *networkingv1.NetworkPolicy:
			policies = append(policies, o)
		case *corev1.ConfigMap:
			names["ConfigMap/"+o.Name] = true
		case *corev1.ServiceAccount:
			names["ServiceAccount/"+o.Name] = true
		}
	}
	pod := set.Spec.Template
	if len(pod.Spec.Containers) != 1 || len(services) == 0 || len(policies) == 0 {
		t.Fatalf("%d containers, %d services, %d policies", len(pod.Spec.Containers), len(services), len(policies))
	}
	container := pod.Spec.Containers[0]
	ports := map[string]bool{}
	for _, p := range container.Ports {
		ports[p.Name] = true
	}

	own := labels.Set(pod.Labels)
	if !labels.SelectorFromSet(set.Spec.Selector.MatchLabels).Matches(own) {
		t.Error("the stateful set does not select its own pods")
	}
	for _, s := range services {
		if !labels.SelectorFromSet(s.Spec.Selector).Matches(own) {
			t.Errorf("service %s does not select the pods", s.Name)
		}
		for _, p := range s.Spec.Ports {
			if name := p.TargetPort.StrVal; name != "" && !ports[name] {
				t.Errorf("service %s: the container has no port %q", s.Name, name)
			}
		}
	}
	for _, p := range policies {
		if !labels.SelectorFromSet(p.Spec.PodSelector.MatchLabels).Matches(own) {
			t.Errorf("network policy %s does not select the pods", p.Name)
		}
	}
	for _, probe := range []*corev1.Probe{container.LivenessProbe, container.ReadinessProbe} {
		if probe == nil || probe.HTTPGet == nil {
			t.Error("a probe is missing")
		} else if name := probe.HTTPGet.Port.StrVal; name != "" && !ports[name] {
			t.Errorf("a probe asks at a port %q", name)
		}
	}
	if name := pod.Spec.ServiceAccountName; name != "" && !names["ServiceAccount/"+name] {
		t.Errorf("there is no service account %q", name)
	}
	for _, from := range container.EnvFrom {
		if from.ConfigMapRef != nil && !names["ConfigMap/"+from.ConfigMapRef.Name] {
			t.Errorf("there is no config map %q", from.ConfigMapRef.Name)
		}
	}
	volumes := map[string]bool{}
	for _, v := range pod.Spec.Volumes {
		volumes[v.Name] = true
	}
	for _, c := range set.Spec.VolumeClaimTemplates {
		volumes[c.Name] = true
	}
	for _, m := range container.VolumeMounts {
		if !volumes[m.Name] {
			t.Errorf("there is no volume %q", m.Name)
		}
	}
	hard := container.SecurityContext
	if hard == nil || hard.ReadOnlyRootFilesystem == nil || !*hard.ReadOnlyRootFilesystem ||
		hard.AllowPrivilegeEscalation == nil || *hard.AllowPrivilegeEscalation {
		t.Error("the container may write to its root, or gain rights")
	}
}

// read reads a file of manifests. A field that is unknown or there twice is an
// error.
func read(t *testing.T, name string) (objects []runtime.Object) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
	for r := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text))); ; {
		document, err := r.Read()
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatal(err)
		}
		o, kind, err := strict.Decode(document, nil, nil)
		if err != nil {
			t.Errorf("%v: %v", kind, err)
			continue
		}
		objects = append(objects, o)
	}
}

// Package kubetest reads the Kubernetes manifests with the types of Kubernetes. It
// has tests alone, and is a module of its own so that jeton's does not depend on
// them.
package kubetest

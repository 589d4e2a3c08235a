package httpapi

// ClientAddress is what the handlers take for the address of a client.
var ClientAddress = clientAddress

// PublicRoutes returns the patterns of the public listener.
func PublicRoutes() []string { return patterns((&api{}).publicRoutes()) }

// AdminRoutes returns the patterns of the admin listener.
func AdminRoutes() []string { return patterns((&api{}).adminRoutes(nil)) }

func patterns(routes []route) []string {
	out := make([]string, len(routes))
	for i, r := range routes {
		out[i] = r.pattern
	}
	return out
}

// Enter admits a call of a class.
func (o *Overload) Enter(name string) (func(), error) {
	for c := range classes {
		if c.String() == name {
			return o.enter(c)
		}
	}
	panic("no class " + name)
}

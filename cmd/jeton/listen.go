package main

import (
	"fmt"
	"net"

	"github.com/coreos/go-systemd/v22/activation"
)

// adminSocket is the name (FileDescriptorName=) of a socket that is to be the admin
// listener; any other one is the public listener.
const adminSocket = "admin"

// listeners are the two that jeton serve has.
type listeners struct {
	public, admin net.Listener
	// inherited: whoever started the process holds the public socket, and it goes
	// on listening when this process has ended.
	inherited bool
}

// inheritListeners takes the sockets that systemd, or whatever else speaks its
// protocol (LISTEN_FDS), has opened. A service that is given one does not need to
// be allowed to open it: port 443, for instance.
func inheritListeners() (l listeners, err error) {
	for _, file := range activation.Files(true) {
		each, err := net.FileListener(file)
		file.Close() // FileListener has one of its own
		if err != nil {
			l.close()
			return listeners{}, fmt.Errorf("the socket %s that this process was given: %w", file.Name(), err)
		}
		to := &l.public
		if file.Name() == adminSocket {
			to = &l.admin
		} else {
			l.inherited = true
		}
		if *to != nil {
			each.Close()
			l.close()
			return listeners{}, usage("this process was given several sockets to listen on: one is the public listener, and one that is called %q the admin listener", adminSocket)
		}
		*to = each
	}
	return l, nil
}

// open opens those that were not inherited.
func (l *listeners) open(c *serveCmd) (err error) {
	if l.public == nil {
		if l.public, err = net.Listen("tcp", c.Addr); err != nil {
			return err
		}
	}
	if l.admin == nil {
		l.admin, err = net.Listen("tcp", c.AdminAddr)
	}
	return err
}

func (l *listeners) close() {
	for _, each := range []net.Listener{l.public, l.admin} {
		if each != nil {
			each.Close()
		}
	}
}

// instead puts the addresses of inherited listeners where the flags' would be, for
// whatever looks at those.
func (l *listeners) instead(c *serveCmd) {
	if l.public != nil {
		c.Addr = l.public.Addr().String()
	}
	if l.admin != nil {
		c.AdminAddr = l.admin.Addr().String()
	}
}

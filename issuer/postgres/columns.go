package postgres

import (
	"encoding/binary"
	"strings"
)

// columns reads the columns of a row one after the other, in PostgreSQL's binary
// form, which is what pgx asks for. pgx's own way asks each value for its type
// first: half of what a row costs here.
type columns struct {
	values  [][]byte // that are left; nil is NULL
	damaged bool
}

// take returns the next column, whose bytes are good until the next row; nil for
// NULL.
func (c *columns) take() []byte {
	if len(c.values) == 0 {
		c.damaged = true
		return nil
	}
	v := c.values[0]
	c.values = c.values[1:]
	return v
}

func (c *columns) uuid() (id [16]byte) {
	v := c.take()
	c.damaged = c.damaged || len(v) != len(id)
	copy(id[:], v)
	return id
}

// number reads a whole number of any size: not every engine has all of them.
func (c *columns) number() int64 {
	if n := c.optionalNumber(); n != nil {
		return *n
	}
	c.damaged = true
	return 0
}

func (c *columns) optionalNumber() *int64 {
	var n int64
	switch v := c.take(); len(v) {
	case 8:
		n = int64(binary.BigEndian.Uint64(v))
	case 4:
		n = int64(int32(binary.BigEndian.Uint32(v)))
	case 2:
		n = int64(int16(binary.BigEndian.Uint16(v)))
	default:
		c.damaged = c.damaged || v != nil
		return nil
	}
	return &n
}

// texts reads as many texts as there are places in to. They share their memory.
func (c *columns) texts(to []string) {
	var b strings.Builder
	size := 0
	for _, v := range c.values[:min(len(to), len(c.values))] {
		size += len(v)
	}
	b.Grow(size)
	left := c.values
	for range to {
		v := c.take()
		c.damaged = c.damaged || v == nil
		b.Write(v)
	}
	all := b.String()
	for i := range min(len(to), len(left)) {
		n := len(left[i])
		to[i], all = all[:n], all[n:]
	}
}

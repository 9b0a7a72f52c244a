package wire

import (
	"bufio"
	"compress/flate"
	"io"
)

// deflated is a connection on which COMPRESS DEFLATE has been agreed.
type deflated struct {
	io.Reader
	w    *flate.Writer
	out  *bufio.Writer // what w writes in pieces
	conn io.Closer
}

// Write sends in one piece what a command has become. A server that has understood
// LOGOUT by the first of two, and closes with the second one unread, resets the
// connection, and its reply can be lost.
func (d *deflated) Write(p []byte) (int, error) {
	n, err := d.w.Write(p)
	if err == nil {
		err = d.w.Flush()
	}
	if err == nil {
		err = d.out.Flush()
	}
	return n, err
}

func (d *deflated) Close() error { return d.conn.Close() }

// Compress agrees on compression with the server.
func (c *IMAP) Compress() error {
	if _, err := c.OK("COMPRESS DEFLATE"); err != nil {
		return err
	}
	out := bufio.NewWriter(c.rw)
	w, err := flate.NewWriter(out, flate.BestSpeed)
	if err != nil {
		return err
	}
	// What came behind the OK is compressed already.
	d := &deflated{flate.NewReader(c.r), w, out, c.rw}
	c.rw, c.r = d, bufio.NewReaderSize(d, 1<<16)
	return nil
}

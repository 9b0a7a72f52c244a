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
	conn io.Closer
}

func (d *deflated) Write(p []byte) (int, error) {
	n, err := d.w.Write(p)
	if err == nil {
		err = d.w.Flush()
	}
	return n, err
}

func (d *deflated) Close() error { return d.conn.Close() }

// Compress agrees on compression with the server.
func (c *IMAP) Compress() error {
	if _, err := c.OK("COMPRESS DEFLATE"); err != nil {
		return err
	}
	w, err := flate.NewWriter(c.rw, flate.BestSpeed)
	if err != nil {
		return err
	}
	// What came behind the OK is compressed already.
	d := &deflated{flate.NewReader(c.r), w, c.rw}
	c.rw, c.r = d, bufio.NewReaderSize(d, 1<<16)
	return nil
}

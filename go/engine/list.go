package engine

// list is a queue of requests, linked by request.next.
type list struct{ head, tail int32 }

func (e *Engine) push(l *list, id int32) {
	e.requests.at(id).next = none
	if l.tail == none {
		l.head = id
	} else {
		e.requests.at(l.tail).next = id
	}
	l.tail = id
}

func (e *Engine) pop(l *list) int32 {
	id := l.head
	if id != none {
		l.head = e.requests.at(id).next
		if l.head == none {
			l.tail = none
		}
	}
	return id
}

// unlink takes a request out of the middle of a list.
func (e *Engine) unlink(l *list, id int32) bool {
	prev := none
	for at := l.head; at != none; at = e.requests.at(at).next {
		if at != id {
			prev = at
			continue
		}
		next := e.requests.at(id).next
		if prev == none {
			l.head = next
		} else {
			e.requests.at(prev).next = next
		}
		if l.tail == id {
			l.tail = prev
		}
		return true
	}
	return false
}

func (e *Engine) pushReady(id int32) {
	e.push(&e.ready, id)
	e.readyLen++
}

func (e *Engine) popReady() int32 {
	e.readyLen--
	return e.pop(&e.ready)
}

func (e *Engine) unlinkReady(id int32) {
	if e.unlink(&e.ready, id) {
		e.readyLen--
	}
}

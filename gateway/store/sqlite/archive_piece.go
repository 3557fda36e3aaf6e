package sqlite

import "time"

// pieceDelay is the time from one piece to the next.
const pieceDelay = 8 * time.Millisecond

// writePiece writes what waits for the archive into the transaction that the next
// commit ends, which then has little left to do. Nobody is told, and what fails
// leaves nothing: the commit tries it again, and says what becomes of it.
func (w *writer) writePiece() (ok bool) {
	messages, _ := w.archive.take(w.tx.isOpen())
	if len(messages) == 0 {
		return true
	}
	_, err := w.tx.resume()
	if err == nil {
		_, err = w.archiveAll(w.tx, messages)
	}
	if err != nil {
		_ = w.end(err)
	}
	return err == nil
}

// resume begins the transaction, unless pieces have.
func (t *tx) resume() (pieces bool, err error) {
	if t.isOpen() {
		return true, nil
	}
	return false, t.begin()
}

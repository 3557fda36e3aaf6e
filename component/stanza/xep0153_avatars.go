package stanza

import "gatehouse/component/wire"

// AvatarNamespace is that of avatars in vCards (XEP-0153).
const AvatarNamespace = "vcard-temp:x:update"

// An AvatarUpdate tells on a presence whether there is an avatar in the vCard:
// its SHA-1, or "" for none. Pending says that this is not known yet.
type AvatarUpdate struct {
	Hash    string
	Pending bool
}

// WriteXML implements wire.Payload.
func (a AvatarUpdate) WriteXML(w *wire.Writer) {
	w.Start(AvatarNamespace, "x")
	if !a.Pending { // §4.1: nothing inside means that it will be told
		w.Start(AvatarNamespace, "photo")
		w.Text(a.Hash)
		w.End()
	}
	w.End()
}

package smpp

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"
	encoding "github.com/warthog618/sms"
	"github.com/warthog618/sms/encoding/gsm7"
	"github.com/warthog618/sms/encoding/tpdu"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// Types of numbers (SMPP 3.4 §5.2.5), and the plan that all phones are of.
const (
	tonInternational = 1
	tonLetters       = 5
	npiISDN          = 1

	classUDH     = 0x40 // of esm_class (§5.2.12)
	wantsReceipt = 1    // registered_delivery (§5.2.17)
)

// submissions makes the submit_sm of each part of a text. gosmpp's own
// splitting is not used: it counts characters and not what they take.
func submissions(o provider.Outgoing, ref byte) ([]*pdu.SubmitSM, error) {
	parts, err := encoding.Encode([]byte(o.Text))
	if err != nil {
		return nil, fmt.Errorf("encode text: %w", err)
	}
	if len(parts) == 0 || len(parts) > 255 {
		return nil, fmt.Errorf("the text has %d parts", len(parts))
	}
	from, err := address(o.From)
	if err != nil {
		return nil, err
	}
	to, err := address(o.To)
	if err != nil {
		return nil, err
	}
	var made []*pdu.SubmitSM
	for i := range parts {
		p := pdu.NewSubmitSM().(*pdu.SubmitSM)
		p.SourceAddr, p.DestAddr = from, to
		content := []byte(parts[i].UD)
		if len(parts) > 1 {
			// 3GPP TS 23.040 §9.2.3.24.1
			content = append([]byte{5, 0, 3, ref, byte(len(parts)), byte(i + 1)}, content...)
			p.EsmClass = classUDH
		}
		if i == len(parts)-1 {
			p.RegisteredDelivery = wantsReceipt
		}
		alphabet, err := parts[i].Alphabet()
		if err != nil {
			return nil, fmt.Errorf("encode text: %w", err)
		}
		coding := data.GSM7BIT // one septet to an octet
		if alphabet == tpdu.AlphaUCS2 {
			coding = data.UCS2
		}
		if err := p.Message.SetMessageDataWithEncoding(content, coding); err != nil {
			return nil, fmt.Errorf("encode text: %w", err)
		}
		made = append(made, p)
	}
	return made, nil
}

func address(number string) (pdu.Address, error) {
	ton := byte(0)
	if digits, ok := strings.CutPrefix(number, "+"); ok {
		ton, number = tonInternational, digits
	}
	a, err := pdu.NewAddressWithTonNpiAddr(ton, npiISDN, number)
	if err != nil {
		return a, fmt.Errorf("encode number: %w", err)
	}
	return a, nil
}

// number gives an address as the gateway reads it.
func (p *Provider) number(a pdu.Address) string {
	switch s := strings.TrimSpace(a.Address()); {
	case a.Ton() == tonLetters:
		return s
	case a.Ton() == tonInternational && s != "" && !strings.HasPrefix(s, "+"):
		return "+" + s
	default:
		return provider.PlainNumber(s, p.options.PlainNumbers == national)
	}
}

// A part is a text, or a part of one, as it came in.
type part struct {
	from, to string
	content  []byte
	encoding data.Encoding // nil: one that is not known
	ref      int
	total    int // 1: it is the whole text
	sequence int
}

// partOf reads a deliver_sm that is no receipt.
func (p *Provider) partOf(d *pdu.DeliverSM) (part, error) {
	in := part{from: p.number(d.SourceAddr), to: p.number(d.DestAddr), encoding: d.Message.Encoding(), total: 1, sequence: 1}
	header := d.Message.UDH()
	in.content, _ = d.Message.GetMessageData()
	if payload, ok := d.OptionalParameters[pdu.TagMessagePayload]; ok && len(in.content) == 0 {
		in.content = payload.Data
		if d.EsmClass&classUDH != 0 {
			n, err := header.UnmarshalBinary(in.content)
			if err != nil {
				return in, fmt.Errorf("its header: %w", err)
			}
			in.content = in.content[n:]
		}
	}
	for _, element := range header {
		switch b := element.Data; {
		case element.ID == 0 && len(b) == 3: // 3GPP TS 23.040 §9.2.3.24.1
			in.ref, in.total, in.sequence = int(b[0]), int(b[1]), int(b[2])
		case element.ID == 8 && len(b) == 4: // §9.2.3.24.8
			in.ref, in.total, in.sequence = int(b[0])<<8|int(b[1])|1<<16, int(b[2]), int(b[3])
		}
	}
	ref, total, sequence := d.OptionalParameters[pdu.TagSarMsgRefNum], d.OptionalParameters[pdu.TagSarTotalSegments], d.OptionalParameters[pdu.TagSarSegmentSeqnum]
	if len(ref.Data) == 2 && len(total.Data) == 1 && len(sequence.Data) == 1 { // SMPP 3.4 §5.3.2.22
		in.ref, in.total, in.sequence = int(ref.Data[0])<<8|int(ref.Data[1])|1<<17, int(total.Data[0]), int(sequence.Data[0])
	}
	if in.total < 1 || in.sequence < 1 || in.sequence > in.total {
		return in, fmt.Errorf("it is part %d of %d", in.sequence, in.total)
	}
	return in, nil
}

// text decodes what was said; false: it is no text.
func text(content []byte, e data.Encoding) (string, bool) {
	if e == nil {
		return "", false
	}
	var decoded []byte
	var err error
	switch e.DataCoding() { // SMPP 3.4 §5.2.19
	case data.GSM7BITCoding:
		decoded, err = gsm7.Decode(content)
	case data.ASCIICoding:
		decoded = content
	case data.LATIN1Coding:
		decoded, err = charmap.ISO8859_1.NewDecoder().Bytes(content)
	case data.UCS2Coding:
		decoded, err = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewDecoder().Bytes(content)
	default:
		return "", false
	}
	return strings.ToValidUTF8(string(decoded), "\uFFFD"), err == nil
}

var receiptFields = regexp.MustCompile(`(?i)\b(id|stat|err):\s*([0-9A-Za-z_.-]{1,65})`)

// states are those of message_state (SMPP 3.4 §5.2.28), by their names in
// receipts (Appendix B). What is missing is on its way.
var states = map[byte]string{2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 7: "UNKNOWN", 8: "REJECTD"}

// receiptOf reads a receipt: its TLVs, or else its text.
func (p *Provider) receiptOf(d *pdu.DeliverSM) (provider.Report, bool) {
	fields := map[string]string{}
	content, _ := d.Message.GetMessageData()
	if payload, ok := d.OptionalParameters[pdu.TagMessagePayload]; ok && len(content) == 0 {
		content = payload.Data
	}
	for _, m := range receiptFields.FindAllStringSubmatch(string(content), 8) {
		if name := strings.ToLower(m[1]); fields[name] == "" {
			fields[name] = m[2]
		}
	}
	state := strings.ToUpper(fields["stat"])
	if tlv, ok := d.OptionalParameters[pdu.TagMessageStateOption]; ok && len(tlv.Data) == 1 {
		state = states[tlv.Data[0]]
	}
	id := fields["id"]
	if tlv, ok := d.OptionalParameters[pdu.TagReceiptedMessageID]; ok && len(tlv.Data) > 0 {
		id = tlv.String()
	} else {
		id = p.receiptID(id)
	}
	r := provider.Report{ID: p.messageID(id)}
	switch state {
	case "DELIVRD":
		r.Status = transport.Delivered
	case "EXPIRED", "DELETED", "UNDELIV", "UNKNOWN", "REJECTD":
		r.Status, r.Err = transport.Failed, provider.ReceiptError(state, fields["err"])
	default:
		return r, false
	}
	return r, id != ""
}

// messageID is a text's id as the SMSC's answers write it.
func (p *Provider) messageID(id string) transport.MessageID {
	switch p.options.ReceiptIDs {
	case decimal: // the answers' are hexadecimal
		return transport.MessageID(rebase(id, 16, 16))
	case hex: // the answers' are decimal
		return transport.MessageID(rebase(id, 10, 10))
	}
	return transport.MessageID(id)
}

// receiptID gives the id in the text of a receipt as the answers write it.
func (p *Provider) receiptID(id string) string {
	switch p.options.ReceiptIDs {
	case decimal:
		return rebase(id, 10, 16)
	case hex:
		return rebase(id, 16, 10)
	}
	return id
}

func rebase(id string, from, to int) string {
	n, err := strconv.ParseUint(id, from, 64)
	if err != nil {
		return id
	}
	return strconv.FormatUint(n, to)
}

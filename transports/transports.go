// Package transports lists the networks that Gatehouse knows.
package transports

import (
	"gatehouse/gateway/transport"
	"gatehouse/transports/echo"
	"gatehouse/transports/irc"
	"gatehouse/transports/sms"
)

// All are the drivers, one line for each network.
var All = []transport.Driver{
	echo.Driver,
	irc.Driver,
	sms.Driver,
}

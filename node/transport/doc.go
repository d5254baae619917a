// Package transport carries everything between nodes over QUIC: who is at the other
// end, and how its bytes are framed. One UDP port serves Raft streams, requests and
// subscriptions. It is the only package that imports quic-go.
//
// # Identity
//
// Both ends prove their Ed25519 node key in a TLS 1.3 handshake (ALPN "kalima/1",
// AES-256-GCM only, hybrid X25519MLKEM768 key exchange). The certificate is only an
// envelope for the key: nothing in it but the key is looked at, and it never expires.
// The dialer names the identity it expects; the listener asks Config.Authorise.
//
// # Streams of a connection
//
// Each stream starts with one byte, its type. Type 5 then carries Raft's bytes as they
// are; all others carry frames.
//
//	1  bidirectional, opened by the dialer    requests, many at once; one such stream per connection
//	2  bidirectional, opened by the dialer    one request whose body is longer than 64 KiB, and its answer
//	3  unidirectional, opened by the listener one answer longer than 64 KiB
//	4  bidirectional, opened by the dialer    one subscription
//	5  bidirectional, opened by the dialer    a Raft connection; only masters may open it
//
// The dialer opens stream 1 first. The listener answers with a welcome frame, or
// closes the connection with code 1 and its reason.
//
// # Frame
//
// Integers are big-endian.
//
//	0   4 bytes  length n of the rest, 9 to the limit of the stream
//	4   1 byte   kind
//	5   8 bytes  id of the request; 0 where the stream knows it (types 2 and 4, welcome)
//	13  n-9      content
//
// Kinds and their content:
//
//	1   request  1 byte length of the method (1 to 64), the method, the body
//	2   cancel   empty: the dialer no longer waits for the answer
//	16  welcome  4 bytes requests in flight the listener allows, 4 bytes longest body it takes,
//	             4 bytes streams of type 2 it allows at once; more bytes may follow in later
//	             versions and are ignored
//	17  answer   the answer
//	18  error    1 byte length of the code (1 to 64), the code, the message
//	19  item     one frame of a subscription
//
// A subscription is one request frame from the dialer, then items, then the end of the
// stream, with an error frame before it unless the subscription ended well. Stream 3
// carries one answer frame with the id of its request on stream 1.
//
// # Codes
//
// Codes with which a connection is closed: 0 goodbye, 1 refused (the reason says why),
// 2 no longer authorised, 3 broke the rules above, 4 wrong cipher suite.
// Codes with which a stream is reset: 0 no longer wanted, 1 not a master, 2 broke the
// rules above, 3 busy.
package transport

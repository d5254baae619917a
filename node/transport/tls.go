package transport

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"
	_ "unsafe" // for the two linknames below

	"github.com/kalima-chain/kalima/abi"
)

// protocol is the ALPN name. Another number is another protocol.
const protocol = "kalima/1"

// The suites that crypto/tls offers and takes in TLS 1.3, with and without AES in
// hardware. Go has no setting for them; see DESIGN.md.
//
//go:linkname defaultSuites crypto/tls.defaultCipherSuitesTLS13
var defaultSuites []uint16

//go:linkname defaultSuitesNoAES crypto/tls.defaultCipherSuitesTLS13NoAES
var defaultSuitesNoAES []uint16

// init, and not Listen, narrows the suites: it is the only moment at which no other
// goroutine can be in the middle of a handshake. It holds for the whole process.
func init() {
	defaultSuites = []uint16{tls.TLS_AES_256_GCM_SHA384}
	defaultSuitesNoAES = []uint16{tls.TLS_AES_256_GCM_SHA384}
}

// CheckSuite refuses a finished handshake that did not agree on TLS 1.3 with
// AES-256-GCM. Every connection passes through it on both ends, so a toolchain that
// ignored the narrowed suites would be found at the first connection.
func CheckSuite(cs tls.ConnectionState) error {
	if cs.Version != tls.VersionTLS13 {
		return fmt.Errorf("%s negotiated, TLS 1.3 required", tls.VersionName(cs.Version))
	}
	if cs.CipherSuite != tls.TLS_AES_256_GCM_SHA384 {
		return fmt.Errorf("cipher suite %s negotiated, %s required",
			tls.CipherSuiteName(cs.CipherSuite), tls.CipherSuiteName(tls.TLS_AES_256_GCM_SHA384))
	}
	return nil
}

// identityOf returns the key that the peer proved in its handshake.
func identityOf(cs tls.ConnectionState) (id abi.Identity, err error) {
	if len(cs.PeerCertificates) == 0 {
		return id, errors.New("peer showed no key")
	}
	key, ok := cs.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok || len(key) != len(id) {
		return id, fmt.Errorf("peer's key is %v, want Ed25519", cs.PeerCertificates[0].PublicKeyAlgorithm)
	}
	return abi.Identity(key), nil
}

// certificate wraps the key's public half, because TLS carries no bare keys in Go.
func certificate(key ed25519.PrivateKey) (tls.Certificate, error) {
	template := x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "kalima"},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // RFC 5280 4.1.2.5: no expiry
	}
	der, err := x509.CreateCertificate(nil, &template, &template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make certificate of the node key: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// tlsConfig returns the settings of both directions. verify judges the peer's key.
func tlsConfig(cert tls.Certificate, verify func(abi.Identity) error) *tls.Config {
	return &tls.Config{
		Certificates:           []tls.Certificate{cert},
		NextProtos:             []string{protocol},
		MinVersion:             tls.VersionTLS13,
		ClientAuth:             tls.RequireAnyClientCert,
		InsecureSkipVerify:     true, // names and dates are not looked at: VerifyConnection compares keys
		SessionTicketsDisabled: true, // every connection proves its key anew
		VerifyConnection: func(cs tls.ConnectionState) error {
			if err := CheckSuite(cs); err != nil {
				return err
			}
			id, err := identityOf(cs)
			if err != nil {
				return err
			}
			return verify(id)
		},
	}
}

// resetKey derives the key of stateless resets, by which a restarted node tells peers
// at once that their connections are gone.
func resetKey(key ed25519.PrivateKey) (out [32]byte) {
	mac := hmac.New(sha256.New, key.Seed())
	mac.Write([]byte("kalima/1 stateless reset"))
	mac.Sum(out[:0])
	return out
}

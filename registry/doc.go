// Package registry decides which contract bytes may run: what a manifest and a bundle
// are, and how a version goes from published to approved to deployed.
//
// It is pure. Masters call Apply inside a transaction, with the chain's state as of the
// block; clients and tools call Open, which is the only way to turn bytes into a Bundle
// and which verifies the digest each time.
//
// # The manifest
//
// kalima.toml stands at the root of a contract's project. Unknown keys fail.
//
//	name        = "threshold"           # [a-z0-9-], 1 to 40 characters
//	version     = "1.0.0"               # semantic version, no build metadata
//	language    = "go"                  # c, go, rust, js or starlark
//	abi         = 1
//	phases      = ["validate"]          # the entries the contract exports
//	source      = ["main.go", "kalima"] # files, or folders with all that is in them
//	write       = ["/plant/alarms/*"]   # addresses validate may put to, beside its own state
//	submit      = ["/alarms/*"]         # addresses react may submit to
//	description = "what it is for"
//
// # The bundle
//
// A bundle is one canonical string of bytes, named by its SHA-256 digest. Everything a
// reviewer approves is under that digest: what runs, what it was built from, with which
// tools, and what it may do. Integers are big-endian. The vectors are in testdata.
//
//	0       8 bytes  magic, "KALIMAB1"
//	8       4 bytes  length H of the header, at most MaxHeader
//	12      4 bytes  length A of the artefact, 1 to MaxArtefact
//	16      4 bytes  length S of the source archive, at most MaxArchive
//	20      H bytes  header: JSON in the form encoding/json gives Header
//	20+H    A bytes  artefact: a WASM module, or the JavaScript or Starlark source
//	20+H+A  S bytes  source archive
//
// The source archive is a tar of regular files in USTAR form: names in byte order, mode
// 0644, owner 0, time 0, no user or group name. Any other spelling of the same content is
// refused, so equal content has equal bytes.
//
// # The records on chain
//
//	/_kalima/contracts          key: digest of a bundle     value: Entry
//	/_kalima/contracts/NAME     key: version                value: Record
//	/_kalima/bindings           key: INSTANCE PHASE PATTERN value: Binding
//	/_kalima/bindings/owners    key: instance               value: Owner
//
// Values are JSON, so that "kalima get" shows them. The operations that change them take a
// JSON body of at most MaxBody bytes:
//
//	contract.publish    Publish    role author
//	contract.approve    Approve    role reviewer, and not the author of the version
//	contract.deploy     Deploy     role operator
//	contract.undeploy   Undeploy   role operator
//	contract.revoke     Revoke     role reviewer
//
// The role admin may do each of them too, except approve what it published itself.
package registry

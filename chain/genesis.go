package chain

import (
	"crypto/sha256"
	"fmt"

	"github.com/kalima-chain/kalima/abi"
)

// Genesis is the document a chain begins with. Its digest is the chain's id.
type Genesis struct {
	_       struct{} `cbor:",toarray"`
	Version uint64
	Name    string
	Time    Time
	Nonce   []byte // random: two chains of the same content are still two chains
	Records []GenesisRecord
}

// GenesisRecord is a current value that the chain begins with.
type GenesisRecord struct {
	_       struct{} `cbor:",toarray"`
	Address Address
	Key     string
	Value   []byte
}

// Encode returns the document's bytes.
func (g *Genesis) Encode() []byte {
	c := *g
	c.Version = blockVersion
	return encode(&c)
}

// DecodeGenesis reads a genesis document.
func DecodeGenesis(b []byte) (*Genesis, error) {
	var g Genesis
	if err := dec.Unmarshal(b, &g); err != nil {
		return nil, fmt.Errorf("decode genesis: %w", err)
	}
	if g.Version != blockVersion {
		return nil, fmt.Errorf("genesis version %d, this node knows %d", g.Version, blockVersion)
	}
	return &g, nil
}

// Block makes the genesis block.
func (g *Genesis) Block() (*Block, error) {
	doc := g.Encode()
	e := Entry{Envelope: doc}
	sequences := map[Address]Sequence{}
	for _, r := range g.Records {
		if _, err := abi.ParseAddress(string(r.Address)); err != nil {
			return nil, fmt.Errorf("genesis: %w", err)
		}
		if err := abi.CheckKey(r.Key); err != nil {
			return nil, fmt.Errorf("genesis: %w", err)
		}
		if len(r.Value) == 0 {
			return nil, fmt.Errorf("genesis: %s %s: value is empty", r.Address, r.Key)
		}
		sequences[r.Address]++
		e.Outcome.Writes = append(e.Outcome.Writes, Write{Address: r.Address, Key: r.Key, Value: r.Value, Sequence: sequences[r.Address]})
	}
	h := Header{Chain: sha256.Sum256(doc), Time: g.Time}
	b := seal(h, []rawItem{e.append(nil)}, []Entry{e}, []*Tx{nil})
	if len(b.bytes) > MaxBlock {
		return nil, fmt.Errorf("genesis block of %d bytes, at most %d", len(b.bytes), MaxBlock)
	}
	return b, nil
}

// checkGenesis checks that a block is the genesis block of the document it carries.
func checkGenesis(b *Block) error {
	if len(b.Entries) != 1 {
		return fmt.Errorf("genesis block has %d entries, want 1", len(b.Entries))
	}
	g, err := DecodeGenesis(b.Entries[0].Envelope)
	if err != nil {
		return err
	}
	want, err := g.Block()
	if err != nil {
		return err
	}
	if want.Hash != b.Hash {
		return fmt.Errorf("genesis block %s is not the one its document makes, %s", b.Hash.Short(), want.Hash.Short())
	}
	return nil
}

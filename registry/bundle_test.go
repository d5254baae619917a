package registry

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the vectors in testdata")

type vector struct {
	About     string            `json:"about"`
	Toolchain string            `json:"toolchain"`
	Files     map[string]string `json:"files"`
	Artefact  string            `json:"artefact"`
	Bundle    string            `json:"bundle"`
	Digest    string            `json:"digest"`
}

func readVector(t testing.TB) (vector, *Bundle) {
	t.Helper()
	text, err := os.ReadFile("testdata/vector-1.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vector
	if err := decodeJSON(text, &v); err != nil {
		t.Fatal(err)
	}
	m, err := ParseManifest([]byte(v.Files[ManifestFile]))
	if err != nil {
		t.Fatal(err)
	}
	var files []File
	for path, data := range v.Files {
		files = append(files, File{path, []byte(data)})
	}
	source, err := Archive(files)
	if err != nil {
		t.Fatal(err)
	}
	artefact, err := hex.DecodeString(v.Artefact)
	if err != nil {
		t.Fatal(err)
	}
	return v, &Bundle{Header: Header{Manifest: m, Toolchain: v.Toolchain}, Artefact: artefact, Source: source}
}

func TestBundleVector(t *testing.T) {
	v, b := readVector(t)
	encoded, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	digest := DigestOf(encoded)
	if *update {
		v.Bundle, v.Digest = hex.EncodeToString(encoded), digest.String()
		text, _ := json.MarshalIndent(v, "", "  ")
		if err := os.WriteFile("testdata/vector-1.json", append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := hex.EncodeToString(encoded); got != v.Bundle {
		t.Errorf("Encode() = %s, want %s", got, v.Bundle)
	}
	if digest.String() != v.Digest {
		t.Errorf("DigestOf(bundle) = %s, want %s", digest, v.Digest)
	}
	back, err := Open(encoded, digest)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back, b) {
		t.Errorf("Open(Encode(b)) = %+v, want %+v", back, b)
	}
	p := b.Publish(encoded)
	rec := Record{Claims: p.Claims, Bundle: p.Bundle, Artefact: p.Artefact, Source: p.Source}
	if err := rec.Check(back); err != nil {
		t.Errorf("Record.Check(its own bundle) = %v", err)
	}
	rec.Submit = append(slices.Clone(rec.Submit), "/more/*")
	if err := rec.Check(back); err == nil {
		t.Error("Record.Check with a wider grant than the bundle's = nil, want an error")
	}
	bind := Binding{Name: p.Name, Version: p.Version, Language: p.Language, Write: p.Write, Submit: p.Submit, Phase: "react", Digest: p.Bundle}
	if err := bind.Check(back); err != nil {
		t.Errorf("Binding.Check(its own bundle) = %v", err)
	}
	bind.Phase = "query"
	if err := bind.Check(back); err == nil {
		t.Error("Binding.Check for a phase the bundle has not = nil, want an error")
	}
}

// Whatever single bit changes, Open says that these are other bytes.
func TestOpenVerifiesTheDigest(t *testing.T) {
	_, b := readVector(t)
	encoded, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := DigestOf(encoded)
	for i := range encoded {
		bad := slices.Clone(encoded)
		bad[i] ^= 1
		var mismatch *DigestMismatch
		if _, err := Open(bad, want); !errors.As(err, &mismatch) || mismatch.Want != want {
			t.Fatalf("Open with byte %d changed = %v, want a DigestMismatch", i, err)
		}
	}
}

// Bytes that have the digest they claim, but are no bundle in canonical form.
func TestOpenIsStrict(t *testing.T) {
	_, b := readVector(t)
	good, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	replace := func(old, new string) []byte {
		if len(old) != len(new) || !bytes.Contains(good, []byte(old)) {
			t.Fatalf("%q can not replace %q", new, old)
		}
		return bytes.Replace(slices.Clone(good), []byte(old), []byte(new), 1)
	}
	at := func(i int, v byte) []byte { c := slices.Clone(good); c[i] = v; return c }
	tests := []struct {
		name string
		in   []byte
		want string
	}{
		{"empty", nil, "not a bundle"},
		{"other magic", at(7, '2'), "not a bundle"},
		{"trailing byte", append(slices.Clone(good), 0), "its parts say"},
		{"cut", good[:len(good)-1], "its parts say"},
		{"lengths that overflow", func() []byte { c := slices.Clone(good); copy(c[8:20], bytes.Repeat([]byte{0xff}, 12)); return c }(), "its parts say"},
		{"unknown header key", replace(`"toolchain":`, `"toolchaim":`), "unknown field"},
		{"header key in capitals", replace(`"toolchain":`, `"TOOLCHAIN":`), "canonical"},
		{"header disagrees with the manifest", replace(`"version":"1.0.0-rc.1"`, `"version":"1.0.0-rc.2"`), "says other things"},
		{"grant on the system", replace(`"/alarms/*"`, `"/_kalima"`+" "), "canonical"},
		{"tar with a time", replace("00000000000\x00", "00000000001\x00"), "read archive"},
		{"larger than any bundle", make([]byte, MaxBundle+1), "at most"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Open(tt.in, DigestOf(tt.in)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Open = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestArchiveIsCanonical(t *testing.T) {
	a := []File{{"b/c.txt", []byte("2")}, {"a.txt", []byte("1")}, {"empty", nil}}
	b := []File{a[1], a[2], a[0]}
	x, err := Archive(a)
	if err != nil {
		t.Fatal(err)
	}
	if y, _ := Archive(b); !bytes.Equal(x, y) {
		t.Error("the order of the files changes the archive")
	}
	files, err := Unarchive(x)
	if err != nil || len(files) != 3 || files[0].Path != "a.txt" || string(files[1].Data) != "2" {
		t.Errorf("Unarchive = %q, %v", files, err)
	}
}

func TestArchiveRefuses(t *testing.T) {
	many := make([]File, MaxFiles+1)
	tests := []struct {
		name  string
		files []File
		want  string
	}{
		{"a path that leaves", []File{{Path: "../x"}}, "begins with a dot"},
		{"an absolute path", []File{{Path: "/etc/x"}}, "empty segment"},
		{"a hidden file", []File{{Path: ".git/config"}}, "begins with a dot"},
		{"a backslash", []File{{Path: `a\b`}}, "not allowed"},
		{"a path that only looks like another", []File{{Path: "mаin.go"}}, "not allowed"},
		{"a long path", []File{{Path: strings.Repeat("x", MaxPath+1)}}, "1 to 100"},
		{"a path twice", []File{{Path: "x"}, {Path: "x"}}, "twice"},
		{"too many files", many, "at most 256"},
		{"too many bytes", []File{{Path: "x", Data: make([]byte, MaxArchive)}}, "more than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Archive(tt.files); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Archive = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

const manifest = `name = "meter"
version = "1.0.0"
language = "js"
abi = 1
phases = ["validate"]
source = ["meter.js"]
`

func TestParseManifest(t *testing.T) {
	m, err := ParseManifest([]byte(manifest + `submit = ["/b", "/a"]`))
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != "meter" || m.Language.Runtime() != "js" || m.Submit[0] != "/a" {
		t.Errorf("ParseManifest = %+v", m)
	}
	tests := []struct{ name, text, want string }{
		{"unknown key", manifest + `gas = 1`, "unknown key gas"},
		{"key in capitals", strings.Replace(manifest, "name", "NAME", 1), "unknown key NAME"},
		{"unknown table", manifest + "[build]\nflags = 1", "unknown key build"},
		{"not TOML", "name = ", "read manifest"},
		{"wrong type", strings.Replace(manifest, "abi = 1", `abi = "1"`, 1), "read manifest"},
		{"other ABI", strings.Replace(manifest, "abi = 1", "abi = 2", 1), "abi 2 is not supported"},
		{"no ABI", strings.Replace(manifest, "abi = 1\n", "", 1), "abi 0 is not supported"},
		{"no source", strings.Replace(manifest, `["meter.js"]`, "[]", 1), "source has 0 entries"},
		{"source outside", strings.Replace(manifest, "meter.js", "../meter.js", 1), "begins with a dot"},
		{"source twice", strings.Replace(manifest, `["meter.js"]`, `["a", "a"]`, 1), "twice"},
		{"bad pattern", manifest + `write = ["plant"]`, "does not start with /"},
		{"too large", manifest + "#" + strings.Repeat("x", MaxManifest), "at most 16384"},
		{"name with a dash at the end", strings.Replace(manifest, "meter", "meter-", 1), "begins or ends with -"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := ParseManifest([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ParseManifest(%q) = %v, want an error with %q", tt.text, err, tt.want)
			}
		})
	}
}

// What Open accepts, Encode gives back byte for byte.
func FuzzOpen(f *testing.F) {
	_, b := readVector(f)
	good, err := b.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, in []byte) {
		b, err := Open(in, DigestOf(in))
		if err != nil {
			return
		}
		if again, err := b.Encode(); err != nil || !bytes.Equal(again, in) {
			t.Errorf("Encode(Open(b)) differs from b: %v", err)
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(manifest))
	f.Fuzz(func(t *testing.T, text []byte) {
		if m, err := ParseManifest(text); err == nil && m.Validate() != nil {
			t.Errorf("ParseManifest(%q) returned an invalid manifest", text)
		}
	})
}

func FuzzUnarchive(f *testing.F) {
	a, _ := Archive([]File{{"a", []byte("1")}})
	f.Add(a)
	f.Fuzz(func(t *testing.T, in []byte) {
		if files, err := Unarchive(in); err == nil {
			if again, err := Archive(files); err != nil || !bytes.Equal(again, in) {
				t.Errorf("Archive(Unarchive(b)) differs from b: %v", err)
			}
		}
	})
}

package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/devsecops/toolchain"
	"github.com/kalima-chain/kalima/registry"
)

// Templates have .txt behind their names, so that no tool takes them for this program's source.
//
//go:embed templates
var templates embed.FS

func (a *app) newCmd() *cobra.Command {
	var language, dir, phase string
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "make a project",
		Long: `new makes a folder with a contract that works. With --phase validate it counts the events
of each key, refuses values that are not numbers, and answers a query with the count. With
--phase react it raises an alarm for each number above 100. The folder holds

  kalima.toml       what the contract is and what it may do
  tests/            scenarios, run by: kalima-contract test
  kalima/           the SDK, so that it builds without a network
  and the contract itself

kalima.toml has these keys; unknown ones fail. The last five may be left out; http and
clock are a wish, which deploy grants or not:

  name, version     the contract, and its semantic version
  language          c, go, rust, js or starlark
  abi               1
  phases            what runs: "validate" (at the masters, may refuse), "react" (at
                    clients, after the event), "query" (answers a question), "migrate"
                    (once, when this version replaces another)
  source            the files, or folders, that it is built from
  write             addresses that validate may put to, beside its own state
  submit            addresses that react may submit to
  http              origins that react sends requests to: ["https://api.example.com"]
  clock             true: react reads the node's clock
  description       one line`,
		Example: "  kalima-contract new meter --language go\n  kalima-contract new alarm --language starlark --phase react --dir contracts/alarm",
		Args:    args("NAME"),
		RunE: func(cmd *cobra.Command, given []string) error {
			if dir == "" {
				dir = given[0]
			}
			return a.newProject(given[0], registry.Language(language), phase, dir)
		},
	}
	cmd.Flags().StringVarP(&language, "language", "l", "go", "c, go, rust, js or starlark")
	cmd.Flags().StringVar(&phase, "phase", "validate", "what it begins as: validate or react")
	cmd.Flags().StringVar(&dir, "dir", "", "folder to make (default: NAME)")
	_ = cmd.RegisterFlagCompletionFunc("language", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var names []string
		for _, l := range registry.Languages() {
			names = append(names, string(l))
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

func (a *app) newProject(name string, l registry.Language, phase, dir string) error {
	if err := registry.CheckName(name); err != nil {
		return &exitError{code: exitUsage, err: err}
	}
	if l.Runtime() == "" {
		return &exitError{code: exitUsage, err: fmt.Errorf("language %q: want c, go, rust, js or starlark", l)}
	}
	if _, ok := beginnings[phase]; !ok {
		return &exitError{code: exitUsage, err: fmt.Errorf("phase %q: want validate or react", phase)}
	}
	files, err := a.projectFiles(name, l, phase)
	if err != nil {
		return err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return &exitError{code: exitConflict, err: fmt.Errorf("%s is there already and not empty", dir), hint: "choose another folder with --dir"}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	names := slices.Sorted(maps.Keys(files))
	for _, n := range names {
		if err := writeFile(filepath.Join(dir, filepath.FromSlash(n)), files[n]); err != nil {
			return err
		}
	}
	if a.output == "json" {
		return a.printJSON(struct {
			SchemaVersion int               `json:"schemaVersion"`
			Name          string            `json:"name"`
			Language      registry.Language `json:"language"`
			Dir           string            `json:"dir"`
			Files         []string          `json:"files"`
		}{schemaVersion, name, l, dir, names})
	}
	for _, n := range names {
		fmt.Fprintln(a.stdout, filepath.Join(dir, filepath.FromSlash(n)))
	}
	a.next("test %s", shellWord(dir))
	return nil
}

// beginnings are what a new project can begin as, by its first phase.
var beginnings = map[string]struct{ description, phases, submit string }{
	"validate": {"counts the events of each key and refuses what is not a number", `"validate", "query"`, ""},
	"react":    {"raises an alarm for each number above 100", `"react"`, `"/alarms/**"`},
}

// projectFiles are the files of a new project, by path.
func (a *app) projectFiles(name string, l registry.Language, phase string) (map[string][]byte, error) {
	files := map[string][]byte{}
	fill := strings.NewReplacer("{{name}}", name, "{{language}}", string(l))
	for _, folder := range []string{"templates/common/" + phase, "templates/" + string(l) + "/" + phase} {
		err := fs.WalkDir(templates, folder, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := templates.ReadFile(p)
			if err != nil {
				return err
			}
			rel := strings.TrimSuffix(strings.TrimPrefix(p, folder+"/"), ".txt")
			files[fill.Replace(rel)] = []byte(fill.Replace(string(text)))
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read template: %w", err)
		}
	}
	sdk, err := a.sdkFiles(l)
	if err != nil {
		return nil, err
	}
	maps.Copy(files, sdk)
	if l == registry.Go {
		files["go.mod"] = []byte(toolchain.GoMod(name))
	}
	var source []string
	for n := range files {
		top, _, nested := strings.Cut(n, "/")
		switch {
		case nested && top == "tests", n == registry.ManifestFile:
		case !slices.Contains(source, `"`+top+`"`):
			source = append(source, `"`+top+`"`)
		}
	}
	slices.Sort(source)
	files[".gitignore"] = []byte("build/\n")
	begin := beginnings[phase]
	files[registry.ManifestFile] = []byte(fmt.Sprintf(`name = %q
version = "0.1.0"
description = %q
language = %q
abi = 1
phases = [%s]
source = [%s]
write = []
submit = [%s]
`, name, begin.description, l, begin.phases, strings.Join(source, ", "), begin.submit))
	return files, nil
}

package boundary

import (
	"bufio"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// TopLevel is what stands at the top of the module beside files whose names
// begin with a dot.
func TopLevel() []string {
	return []string{
		"LICENSE", "README.md", "autoscaler", "ecsadapter", "examples", "go.mod", "go.sum",
		"internal", "policy", "sessionstore", "workflow",
	}
}

// CheckLayout compares the module's top with TopLevel. What git ignores and an
// editor leaves there is no part of it: ignored names the patterns.
func CheckLayout(fsys fs.FS, ignored []string) ([]Finding, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	const reason = "the top level teaches the domain: a name there is a promise, and everything else has a place below it"
	var found []Finding
	want := TopLevel()
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || slices.ContainsFunc(ignored, func(p string) bool { return isIgnored(p, e) }) {
			continue
		}
		if !slices.Contains(want, name) {
			found = append(found, Finding{name, "is not part of the layout", reason})
		}
		want = slices.DeleteFunc(want, func(w string) bool { return w == name })
	}
	for _, name := range want {
		found = append(found, Finding{name, "is missing", reason})
	}
	return found, nil
}

// isIgnored applies one pattern of a .gitignore to an entry of the top level.
func isIgnored(pattern string, e fs.DirEntry) bool {
	pattern, dir := strings.CutSuffix(strings.TrimPrefix(pattern, "/"), "/")
	ok, err := path.Match(pattern, e.Name())
	return err == nil && ok && (!dir || e.IsDir())
}

// Ignored reads the patterns of the module's .gitignore.
func Ignored(fsys fs.FS) ([]string, error) {
	text, err := fs.ReadFile(fsys, ".gitignore")
	if err != nil {
		return nil, err
	}
	var patterns []string
	for line := range strings.SplitSeq(string(text), "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			patterns = append(patterns, line)
		}
	}
	return patterns, nil
}

// Requirements lists the module's direct requirements, one path and version a
// line, sorted.
func Requirements(fsys fs.FS) (string, error) {
	f, err := fsys.Open("go.mod")
	if err != nil {
		return "", err
	}
	defer f.Close()
	var direct []string
	block := false
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		rest, single := strings.CutPrefix(line, "require ")
		switch {
		case line == "require (":
			block = true
			continue
		case line == ")":
			block = false
		case single:
			line = rest
		}
		if (block || single) && line != "" && !strings.HasSuffix(line, "// indirect") {
			direct = append(direct, line)
		}
	}
	slices.Sort(direct)
	return strings.Join(direct, "\n") + "\n", lines.Err()
}

// CheckMarks finds unfinished marks and paths of one machine in the module's
// text files: Go, Markdown, YAML, JSON and shell.
func CheckMarks(fsys fs.FS) ([]Finding, error) {
	// Spelled in halves so that the rule does not find itself.
	marks := []string{"TO" + "DO", "FIX" + "ME", "XX" + "X", "/" + "work/", "/" + "root/", "/" + "home/"}
	var found []Finding
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := path.Base(name); base == ".git" || base == "node_modules" || base == "bin" {
				return fs.SkipDir
			}
			return nil
		}
		if !slices.Contains([]string{".go", ".md", ".yml", ".yaml", ".json", ".sh", ""}, path.Ext(name)) {
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		found = append(found, marksIn(name, string(text), marks)...)
		return nil
	})
	return found, err
}

func marksIn(name, text string, marks []string) []Finding {
	var found []Finding
	for i, line := range strings.Split(text, "\n") {
		for _, mark := range marks {
			if strings.Contains(line, mark) {
				found = append(found, Finding{fmt.Sprintf("%s:%d", name, i+1), "holds " + mark,
					"what is committed is finished and runs on any machine"})
			}
		}
	}
	return found
}

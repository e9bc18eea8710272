package openapi

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
)

// documented are the packages whose types the verbs have.
var documented = []string{"api", "engines/history", "engines/placesfile", "engine/importing"}

// readDocs reads doc comments: the key is "api", "api.Bookmark" or "api.Bookmark.Title".
func readDocs(root string) (map[string]string, error) {
	docs := make(map[string]string)
	for _, folder := range documented {
		files, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
		if err != nil {
			return nil, err
		}
		pkg := filepath.Base(folder)
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
			if err != nil {
				return nil, err
			}
			if file.Doc != nil {
				docs[pkg] = plain(file.Doc)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if d, ok := n.(*ast.GenDecl); ok && d.Tok == token.TYPE {
					noteTypes(docs, pkg, d)
				}
				return true
			})
		}
	}
	return docs, nil
}

func noteTypes(docs map[string]string, pkg string, d *ast.GenDecl) {
	for _, spec := range d.Specs {
		s := spec.(*ast.TypeSpec)
		key := pkg + "." + s.Name.Name
		if comment := s.Doc; comment != nil {
			docs[key] = plain(comment)
		} else if d.Doc != nil {
			docs[key] = plain(d.Doc)
		}
		fields, ok := s.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, f := range fields.Fields.List {
			comment := f.Doc
			if comment == nil {
				comment = f.Comment
			}
			for _, name := range f.Names {
				if comment != nil {
					docs[key+"."+name.Name] = plain(comment)
				}
			}
		}
	}
}

// plain is a comment without the marks of doc comments, with its paragraphs.
func plain(c *ast.CommentGroup) string {
	var p doc.Package
	text := string(p.Text(c.Text()))
	var out strings.Builder
	for i, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			out.WriteString("\n\n")
		}
		out.WriteString(strings.Join(strings.Fields(paragraph), " "))
	}
	return out.String()
}

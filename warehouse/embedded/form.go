package embedded

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/url"
)

// readForm reads the fields of a multipart/form-data request, which count as URL parameters; its field "query" is the
// statement. Tables sent along as files (external data) are refused. known are the URL's parameters, which describe such
// tables.
func readForm(body io.Reader, boundary string, known url.Values) (url.Values, error) {
	if boundary == "" {
		return nil, newException(codeBadArguments, "multipart/form-data without a boundary")
	}
	limited := &io.LimitedReader{R: body, N: maxStatement}
	form, fields := multipart.NewReader(limited, boundary), url.Values{}
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return fields, nil
		}
		var value []byte
		if err == nil {
			if part.FileName() != "" || known.Has(part.FormName()+"_structure") || known.Has(part.FormName()+"_types") {
				return nil, newException(codeNotImplemented, "tables sent with a query (external data) are not supported by the embedded engine; use a parameter of type Array instead")
			}
			value, err = io.ReadAll(part)
		}
		if limited.N <= 0 {
			return nil, newException(codeQueryTooLarge, fmt.Sprintf("the form is longer than %d bytes", maxStatement))
		}
		if err != nil {
			return nil, newException(codeBadArguments, fmt.Sprintf("cannot read the form: %v", err))
		}
		fields.Add(part.FormName(), string(value))
	}
}

package embedded

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
)

// maxFormField bounds one field of a multipart request: a statement or a parameter.
const maxFormField = maxStatement

// readForm reads a multipart/form-data request: its fields count as URL parameters, and its field "query" is the
// statement. Tables sent along as files (external data) are refused.
func readForm(body io.Reader, boundary string, values url.Values) (io.Reader, error) {
	if boundary == "" {
		return nil, newException(codeBadArguments, "multipart/form-data without a boundary")
	}
	form := multipart.NewReader(body, boundary)
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return http.NoBody, nil
		}
		if err != nil {
			return nil, newException(codeBadArguments, fmt.Sprintf("cannot read the form: %v", err))
		}
		if part.FileName() != "" || values.Has(part.FormName()+"_structure") || values.Has(part.FormName()+"_types") {
			return nil, newException(codeNotImplemented, "tables sent with a query (external data) are not supported by the embedded engine; use a parameter of type Array instead")
		}
		value, err := io.ReadAll(io.LimitReader(part, maxFormField+1))
		if err != nil {
			return nil, newException(codeBadArguments, fmt.Sprintf("cannot read form field %q: %v", part.FormName(), err))
		}
		if len(value) > maxFormField {
			return nil, newException(codeQueryTooLarge, fmt.Sprintf("form field %q is longer than %d bytes", part.FormName(), maxFormField))
		}
		values[part.FormName()] = append(values[part.FormName()], string(value))
	}
}

package files

import (
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// parquetText returns how values of a Parquet type become text: numbers as JSON has them (decimals exactly), times and dates
// in ISO 8601 (with Z when the file says they are UTC), UUIDs in their usual form, bytes that are not UTF-8 in hexadecimal.
func parquetText(t parquet.Type) func([]byte, parquet.Value) ([]byte, cellKind) {
	var logical format.LogicalTypeValue
	if l := t.LogicalType(); l != nil {
		logical = l.Value
	}
	switch l := logical.(type) {
	case *format.DecimalType:
		return func(dst []byte, v parquet.Value) ([]byte, cellKind) {
			return appendDecimal(dst, v, int(l.Scale)), numberCell
		}
	case *format.DateType:
		return func(dst []byte, v parquet.Value) ([]byte, cellKind) {
			return time.Unix(int64(v.Int32())*86400, 0).UTC().AppendFormat(dst, time.DateOnly), textCell
		}
	case *format.TimestampType:
		form := "2006-01-02T15:04:05.999999999"
		if l.IsAdjustedToUTC {
			form += "Z"
		}
		unit := unitOf(l.Unit)
		return func(dst []byte, v parquet.Value) ([]byte, cellKind) {
			perSecond := int64(time.Second / unit)
			return time.Unix(v.Int64()/perSecond, v.Int64()%perSecond*int64(unit)).UTC().AppendFormat(dst, form), textCell
		}
	case *format.TimeType:
		unit := unitOf(l.Unit)
		return func(dst []byte, v parquet.Value) ([]byte, cellKind) {
			n := v.Int64()
			if v.Kind() == parquet.Int32 {
				n = int64(v.Int32())
			}
			return time.Time{}.Add(time.Duration(n)*unit).AppendFormat(dst, "15:04:05.999999999"), textCell
		}
	case *format.UUIDType:
		return func(dst []byte, v parquet.Value) ([]byte, cellKind) {
			for i, b := range v.ByteArray() {
				if i == 4 || i == 6 || i == 8 || i == 10 {
					dst = append(dst, '-')
				}
				dst = append(dst, hexDigits[b>>4], hexDigits[b&15])
			}
			return dst, textCell
		}
	case *format.IntType:
		if !l.IsSigned {
			return func(dst []byte, v parquet.Value) ([]byte, cellKind) {
				if v.Kind() == parquet.Int32 {
					return strconv.AppendUint(dst, uint64(v.Uint32()), 10), numberCell
				}
				return strconv.AppendUint(dst, v.Uint64(), 10), numberCell
			}
		}
	}
	return appendPlain
}

func unitOf(u format.TimeUnit) time.Duration {
	if u.Value == nil {
		return time.Millisecond
	}
	return u.Value.Duration()
}

// appendPlain appends a value of a physical type.
func appendPlain(dst []byte, v parquet.Value) ([]byte, cellKind) {
	switch v.Kind() {
	case parquet.Boolean:
		return strconv.AppendBool(dst, v.Boolean()), boolCell
	case parquet.Int32:
		return strconv.AppendInt(dst, int64(v.Int32()), 10), numberCell
	case parquet.Int64:
		return strconv.AppendInt(dst, v.Int64(), 10), numberCell
	case parquet.Float:
		return appendFloat(dst, float64(v.Float()), 32)
	case parquet.Double:
		return appendFloat(dst, v.Double(), 64)
	case parquet.Int96: // how Hive and old Spark write times: nanoseconds of the day, then the Julian day
		n := v.Int96()
		nanos := int64(n[1])<<32 | int64(n[0])
		t := time.Unix((int64(n[2])-2440588)*86400, nanos).UTC()
		return t.AppendFormat(dst, "2006-01-02T15:04:05.999999999Z"), textCell
	}
	b := v.ByteArray()
	if !utf8.Valid(b) {
		return hex.AppendEncode(dst, b), textCell
	}
	return append(dst, b...), textCell
}

// appendFloat appends a number; infinities and NaN, which JSON does not have, are no value.
func appendFloat(dst []byte, f float64, bits int) ([]byte, cellKind) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return dst, noValue
	}
	form := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		form = 'e'
	}
	return strconv.AppendFloat(dst, f, form, -1, bits), numberCell
}

// appendDecimal appends an unscaled integer with its point set scale digits from the right.
func appendDecimal(dst []byte, v parquet.Value, scale int) []byte {
	var digits []byte
	var negative bool
	switch v.Kind() {
	case parquet.Int32, parquet.Int64:
		n := v.Int64()
		if v.Kind() == parquet.Int32 {
			n = int64(v.Int32())
		}
		if negative = n < 0; negative {
			n = -n
		}
		digits = strconv.AppendUint(nil, uint64(n), 10)
	default: // two's complement, big endian
		n := new(big.Int).SetBytes(v.ByteArray())
		if b := v.ByteArray(); len(b) > 0 && b[0] >= 0x80 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		}
		negative = n.Sign() < 0
		digits = n.Abs(n).Append(nil, 10)
	}
	if negative {
		dst = append(dst, '-')
	}
	for len(digits) <= scale {
		digits = append([]byte{'0'}, digits...)
	}
	dst = append(dst, digits[:len(digits)-scale]...)
	if scale > 0 {
		dst = append(append(dst, '.'), digits[len(digits)-scale:]...)
	}
	return dst
}

//! JSON, as small as it can be: every component carries it. `serde_json` would be 19 kB of a component that has 78, this is five.
//!
//! The host writes what is read here, so nothing is accepted that JSON does not have, and an error need not say where it is.

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// A whole number that is not negative.
    Unsigned(u64),
    /// A negative whole number.
    Signed(i64),
    /// Any other number, exact to fifteen digits.
    Float(f64),
    Text(String),
    List(Vec<Json>),
    /// In the order in which it is written.
    Table(Vec<(String, Json)>),
}

/// Deeper than any settings are, and less than what a stack holds.
const DEEPEST: u32 = 64;

/// Reads a whole text; None if it is no JSON.
pub(super) fn parse(text: &str) -> Option<Json> {
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(0)?;
    parser.blanks();
    (parser.at == text.len()).then_some(value)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    /// What is not read yet. Slices that may not fail are those that bring no code for failing.
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found.then_some(())
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: u32) -> Option<Json> {
        self.blanks();
        if depth > DEEPEST {
            return None;
        }
        match self.peek()? {
            b'{' => self.table(depth),
            b'[' => self.list(depth),
            b'"' => self.text().map(Json::Text),
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Option<Json> {
        let words = [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))];
        let (word, value) = words.into_iter().find(|(word, _)| self.rest().starts_with(word))?;
        self.at += word.len();
        Some(value)
    }

    fn list(&mut self, depth: u32) -> Option<Json> {
        let mut items = Vec::new();
        self.take(b'[')?;
        self.blanks();
        if self.take(b']').is_some() {
            return Some(Json::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.blanks();
            if self.take(b',').is_none() {
                self.take(b']')?;
                return Some(Json::List(items));
            }
        }
    }

    fn table(&mut self, depth: u32) -> Option<Json> {
        let mut entries = Vec::new();
        self.take(b'{')?;
        self.blanks();
        if self.take(b'}').is_some() {
            return Some(Json::Table(entries));
        }
        loop {
            self.blanks();
            let key = self.text()?;
            self.blanks();
            self.take(b':')?;
            entries.push((key, self.value(depth + 1)?));
            self.blanks();
            if self.take(b',').is_none() {
                self.take(b'}')?;
                return Some(Json::Table(entries));
            }
        }
    }

    fn text(&mut self) -> Option<String> {
        self.take(b'"')?;
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let plain = rest.bytes().position(|byte| byte == b'"' || byte == b'\\' || byte < b' ')?;
            text.push_str(rest.get(..plain)?);
            self.at += plain;
            if self.take(b'"').is_some() {
                return Some(text);
            }
            // A control character is no escape.
            self.take(b'\\')?;
            text.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += 1;
        Some(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.four_digits()?;
                // Half of a pair is followed by the other half.
                if (0xd800..0xdc00).contains(&first) {
                    self.take(b'\\')?;
                    self.take(b'u')?;
                    let second = self.four_digits()?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                    char::from_u32(0x10000 + ((first - 0xd800) << 10) + second)?
                } else {
                    char::from_u32(first)?
                }
            }
            _ => return None,
        })
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.bytes().try_fold(0, |number, digit| Some(number << 4 | char::from(digit).to_digit(16)?))
    }

    fn digits(&mut self) -> Option<&str> {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.text.get(from..self.at).filter(|digits| !digits.is_empty())
    }

    fn number(&mut self) -> Option<Json> {
        let negative = self.take(b'-').is_some();
        let from = self.at;
        let whole = self.digits()?;
        if whole.len() > 1 && whole.starts_with('0') {
            return None;
        }
        let whole = exact(whole);
        if !matches!(self.peek(), Some(b'.' | b'e' | b'E'))
            && let Some(whole) = whole
        {
            let signed = || 0_i64.checked_sub_unsigned(whole).map(Json::Signed);
            return if negative && whole > 0 { signed() } else { Some(Json::Unsigned(whole)) };
        }
        self.at = from;
        let value = self.float()?;
        Some(Json::Float(if negative { -value } else { value }))
    }

    /// All digits as one number, and the power of ten that it is to be multiplied with. The standard library is exact to the last bit, and
    /// brings ten kilobytes of tables for it.
    fn float(&mut self) -> Option<f64> {
        let mut digits = self.digits()?.to_owned();
        let mut exponent = 0_i32;
        if self.take(b'.').is_some() {
            let fraction = self.digits()?;
            exponent = -i32::try_from(fraction.len()).ok()?;
            digits.push_str(fraction);
        }
        if self.take(b'e').or_else(|| self.take(b'E')).is_some() {
            let negative = self.take(b'-').is_some();
            if !negative {
                let _ = self.take(b'+');
            }
            let power = exact(self.digits()?).unwrap_or(u64::MAX).min(10_000) as i32;
            exponent += if negative { -power } else { power };
        }
        let number = digits.bytes().fold(0.0, |number, digit| number * 10.0 + f64::from(digit - b'0'));
        let power = (0..exponent.unsigned_abs()).fold(1.0, |power: f64, _| power * 10.0);
        Some(if exponent < 0 { number / power } else { number * power }).filter(|value| value.is_finite())
    }
}

/// A number that fits; None if it does not.
fn exact(digits: &str) -> Option<u64> {
    digits.bytes().try_fold(0_u64, |number, digit| number.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::{Json, parse};

    fn text(text: &str) -> Json {
        Json::Text(text.to_owned())
    }

    #[test]
    fn every_shape_of_json_is_read() {
        for (json, value) in [
            ("null", Json::Null),
            (" true ", Json::Bool(true)),
            ("0", Json::Unsigned(0)),
            ("-0", Json::Unsigned(0)),
            ("18446744073709551615", Json::Unsigned(u64::MAX)),
            ("-9223372036854775808", Json::Signed(i64::MIN)),
            ("0.1", Json::Float(0.1)),
            ("-12.5e-3", Json::Float(-0.0125)),
            ("1E+2", Json::Float(100.0)),
            ("18446744073709551616", Json::Float(18_446_744_073_709_551_616.0)),
            (r#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é""#, text("a\"\\/\u{8}\u{c}\n\r\té😀é")),
            ("[]", Json::List(vec![])),
            ("[1, \"a\", []]", Json::List(vec![Json::Unsigned(1), text("a"), Json::List(vec![])])),
            ("{}", Json::Table(vec![])),
            ("{\"b\" : 1,\n\"a\":{}}", Json::Table(vec![("b".to_owned(), Json::Unsigned(1)), ("a".to_owned(), Json::Table(vec![]))])),
        ] {
            assert_eq!(parse(json), Some(value), "{json}");
        }
    }

    #[test]
    fn what_is_no_json_is_none() {
        for wrong in [
            "",
            " ",
            "nul",
            "tru",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "--1",
            "+1",
            "\"",
            "\"a",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"\n\"",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "[1 2]",
            "{",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\" 1}",
            "1 2",
            "[]x",
            "\"\\u00é9\"",
            "1e99999",
            "NaN",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(parse(&deep), None);
    }

    #[test]
    fn what_serde_json_writes_is_read_back() {
        let value = serde_json::json!({
            "list": [0, -1, u64::MAX, i64::MIN, 0.25, 1.5e10, 1e-7, true, null, "ü\u{1}\u{7f}\"\\"],
            "table": { "deep": { "er": [[], {}] } },
        });
        let back = to_serde(&parse(&value.to_string()).unwrap());
        assert_eq!(back, value);
    }

    fn to_serde(json: &Json) -> serde_json::Value {
        match json {
            Json::Null => serde_json::Value::Null,
            Json::Bool(value) => (*value).into(),
            Json::Unsigned(value) => (*value).into(),
            Json::Signed(value) => (*value).into(),
            Json::Float(value) => (*value).into(),
            Json::Text(text) => text.as_str().into(),
            Json::List(items) => items.iter().map(to_serde).collect(),
            Json::Table(entries) => entries.iter().map(|(key, value)| (key.clone(), to_serde(value))).collect(),
        }
    }
}

//! The grammar of JSON (RFC 8259) as a machine that is fed bytes: finds the end of a value and the first byte that is wrong,
//! however the value is split over reads, and without recursion.

/// Levels of objects and arrays in one request, the request itself being the first.
pub const MAX_DEPTH: u32 = 128;

/// Reads one JSON value.
#[derive(Clone, Copy)]
pub(super) struct Scanner {
    state: State,
    depth: u32,
    /// For each level that is open, lowest bit first: is it an array?
    arrays: u128,
}

/// Why a value cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// No JSON value has this byte here.
    Syntax,
    /// More than [`MAX_DEPTH`] levels.
    Depth,
}

#[derive(Clone, Copy)]
enum State {
    Value,
    /// Behind `[`.
    FirstElement,
    /// Behind `{`.
    FirstKey,
    Key,
    Colon,
    /// Behind a value inside of another.
    After,
    Text(Role),
    Escape(Role),
    /// So many hexadecimal digits are to come.
    Hex(Role, u8),
    /// What is to come of `true`, `false` or `null`.
    Literal(&'static [u8]),
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    Power,
}

#[derive(Clone, Copy)]
enum Role {
    Key,
    Value,
}

enum Step {
    More,
    /// This byte ends the value.
    Last,
    /// The byte before ended it: a number.
    Past,
}

impl Scanner {
    /// In front of a value.
    pub fn new() -> Self {
        Self { state: State::Value, depth: 0, arrays: 0 }
    }

    /// Reads on. `Ok(Some(n))`: the value ends behind `n` of these bytes. `Ok(None)`: they are all part of it. `Err` says at which
    /// of these bytes there is a flaw.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<Option<usize>, (usize, Flaw)> {
        for (at, &byte) in bytes.iter().enumerate() {
            match self.push(byte).map_err(|flaw| (at, flaw))? {
                Step::More => {}
                Step::Last => return Ok(Some(at + 1)),
                Step::Past => return Ok(Some(at)),
            }
        }
        Ok(None)
    }

    fn push(&mut self, byte: u8) -> Result<Step, Flaw> {
        self.state = match (self.state, byte) {
            (State::Value | State::FirstElement | State::FirstKey | State::Key | State::Colon | State::After, b' ' | b'\t' | b'\r' | b'\n') => {
                self.state
            }
            (State::FirstElement, b']') | (State::FirstKey, b'}') => return Ok(self.close()),
            (State::Value | State::FirstElement, _) => self.begin(byte)?,
            (State::FirstKey | State::Key, b'"') => State::Text(Role::Key),
            (State::Colon, b':') => State::Value,
            (State::After, _) => return self.after(byte),

            (State::Text(Role::Key), b'"') => State::Colon,
            (State::Text(Role::Value), b'"') => return Ok(self.ended()),
            (State::Text(role), b'\\') => State::Escape(role),
            (State::Text(role), 0x20..) => State::Text(role),
            (State::Escape(role), b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => State::Text(role),
            (State::Escape(role), b'u') => State::Hex(role, 4),
            (State::Hex(role, 1), _) if byte.is_ascii_hexdigit() => State::Text(role),
            (State::Hex(role, left), _) if byte.is_ascii_hexdigit() => State::Hex(role, left - 1),

            (State::Literal([only]), _) if byte == *only => return Ok(self.ended()),
            (State::Literal([next, rest @ ..]), _) if byte == *next => State::Literal(rest),

            (State::Minus, b'0') => State::Zero,
            (State::Minus, b'1'..=b'9') | (State::Whole, b'0'..=b'9') => State::Whole,
            (State::Zero | State::Whole, b'.') => State::Point,
            (State::Point | State::Fraction, b'0'..=b'9') => State::Fraction,
            (State::Zero | State::Whole | State::Fraction, b'e' | b'E') => State::Exponent,
            (State::Exponent, b'+' | b'-') => State::ExponentSign,
            (State::Exponent | State::ExponentSign | State::Power, b'0'..=b'9') => State::Power,
            (State::Zero | State::Whole | State::Fraction | State::Power, _) => return self.past_number(byte),

            _ => return Err(Flaw::Syntax),
        };
        Ok(Step::More)
    }

    fn begin(&mut self, byte: u8) -> Result<State, Flaw> {
        Ok(match byte {
            b'{' => {
                self.open(false)?;
                State::FirstKey
            }
            b'[' => {
                self.open(true)?;
                State::FirstElement
            }
            b'"' => State::Text(Role::Value),
            b'-' => State::Minus,
            b'0' => State::Zero,
            b'1'..=b'9' => State::Whole,
            b't' => State::Literal(b"rue"),
            b'f' => State::Literal(b"alse"),
            b'n' => State::Literal(b"ull"),
            _ => return Err(Flaw::Syntax),
        })
    }

    fn open(&mut self, array: bool) -> Result<(), Flaw> {
        if self.depth == MAX_DEPTH {
            return Err(Flaw::Depth);
        }
        let level = 1 << self.depth;
        if array {
            self.arrays |= level;
        } else {
            self.arrays &= !level;
        }
        self.depth += 1;
        Ok(())
    }

    fn close(&mut self) -> Step {
        self.depth -= 1;
        self.ended()
    }

    fn ended(&mut self) -> Step {
        if self.depth == 0 {
            return Step::Last;
        }
        self.state = State::After;
        Step::More
    }

    fn in_array(&self) -> bool {
        self.arrays >> (self.depth - 1) & 1 == 1
    }

    fn after(&mut self, byte: u8) -> Result<Step, Flaw> {
        match (byte, self.in_array()) {
            (b',', true) => self.state = State::Value,
            (b',', false) => self.state = State::Key,
            (b']', true) | (b'}', false) => return Ok(self.close()),
            _ => return Err(Flaw::Syntax),
        }
        Ok(Step::More)
    }

    fn past_number(&mut self, byte: u8) -> Result<Step, Flaw> {
        if self.depth == 0 {
            return Ok(Step::Past);
        }
        self.state = State::After;
        self.push(byte)
    }
}

/// Length of the value that `bytes` begin with; `None` if it is torn or flawed.
pub(super) fn value_length(bytes: &[u8]) -> Option<usize> {
    Scanner::new().advance(bytes).ok().flatten()
}

/// `bytes` without the blanks in front.
pub(super) fn skip_blanks(bytes: &[u8]) -> &[u8] {
    let blanks = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
    &bytes[blanks..]
}

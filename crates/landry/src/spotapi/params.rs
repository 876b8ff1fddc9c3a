//! A request's parameters. REST has them as text in query and body; the WebSocket API's JSON values are turned into the
//! same text (numbers as written, arrays and objects as JSON).

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use allin_core::ids::Timestamp;
use allin_wire::binance::{ApiError, Code};

/// Longest value of any parameter, bytes.
pub const VALUE_MAX: usize = 64 << 10;

/// Most parameters of a request.
pub const PARAMS_MAX: usize = 128;

/// Names and values lie behind each other in one text: a request has a dozen of them.
#[derive(Default, Debug)]
pub struct Params {
    text: String,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    begin: u32,
    /// Where the name ends, and the value begins.
    middle: u32,
    end: u32,
    read: AtomicBool,
}

/// Parameters that most requests have at most, and bytes of them.
const USUAL: (usize, usize) = (16, 512);

impl Params {
    /// Refuses a name that came twice (-1101).
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Params, ApiError> {
        let mut params = Params::usual();
        for (name, value) in pairs {
            params.push(&name, &value)?;
        }
        Ok(params)
    }

    /// None yet, and room for the usual ones.
    pub(super) fn usual() -> Params {
        Params { text: String::with_capacity(USUAL.1), entries: Vec::with_capacity(USUAL.0) }
    }

    /// Another one; see [`Params::new`].
    pub(super) fn push(&mut self, name: &str, value: &str) -> Result<(), ApiError> {
        if self.has(name) {
            let msg = format!("Duplicate values for parameter '{name}'.");
            return Err(ApiError::with(Code::TooManyParameters, msg));
        }
        if value.len() > VALUE_MAX || name.len() > VALUE_MAX {
            return Err(ApiError::with(Code::ParamOverflow, format!("Parameter '{name}' overflowed.")));
        }
        if self.entries.len() == PARAMS_MAX {
            return Err(ApiError::new(Code::TooManyParameters, "Too many parameters sent for this endpoint."));
        }
        let at = |text: &String| u32::try_from(text.len()).expect("the longest names and values together have 24 bits");
        let begin = at(&self.text);
        self.text.push_str(name);
        let middle = at(&self.text);
        self.text.push_str(value);
        self.entries.push(Entry { begin, middle, end: at(&self.text), read: AtomicBool::new(false) });
        Ok(())
    }

    #[inline]
    fn place(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|entry| {
            let range = entry.begin as usize..entry.middle as usize;
            range.len() == name.len() && self.text.as_bytes()[range] == *name.as_bytes()
        })
    }

    fn find(&self, name: &str) -> Option<&Entry> {
        self.place(name).map(|at| &self.entries[at])
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether one of the first `count` has this name.
    pub(super) fn has_among(&self, count: usize, name: &str) -> bool {
        self.place(name).is_some_and(|at| at < count)
    }

    fn value(&self, entry: &Entry) -> &str {
        &self.text[entry.middle as usize..entry.end as usize]
    }

    /// Marks a parameter as read, whatever it is.
    pub fn skip(&self, name: &str) {
        if let Some(entry) = self.find(name) {
            entry.read.store(true, Relaxed);
        }
    }

    /// Whether it was sent, be it empty.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// None when it was not sent. An empty value is refused (-1105).
    pub fn get(&self, name: &str) -> Result<Option<&str>, ApiError> {
        let Some(entry) = self.find(name) else { return Ok(None) };
        entry.read.store(true, Relaxed);
        match self.value(entry) {
            "" => Err(ApiError::with(Code::ParamEmpty, format!("Parameter '{name}' was empty."))),
            value => Ok(Some(value)),
        }
    }

    /// -1102 when it was not sent.
    pub fn required(&self, name: &str) -> Result<&str, ApiError> {
        match self.find(name) {
            Some(entry) if entry.middle < entry.end => {
                entry.read.store(true, Relaxed);
                Ok(self.value(entry))
            }
            _ => Err(ApiError::malformed(name)),
        }
    }

    /// A whole number without sign (-1100 otherwise).
    pub fn u64(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let Some(text) = self.get(name)? else { return Ok(None) };
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let overflow = || ApiError::with(Code::ParamOverflow, format!("Parameter '{name}' overflowed."));
            return text.parse().map(Some).map_err(|_| overflow());
        }
        Err(illegal(name, "^[0-9]{1,20}$"))
    }

    /// A time in milliseconds, or in microseconds when it has that many digits.
    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        // Milliseconds reach this value in the year 5138, microseconds had it in 1973.
        const MICROS_MIN: u64 = 100_000_000_000_000;
        let Some(value) = self.u64(name)? else { return Ok(None) };
        let micros = if value >= MICROS_MIN { value } else { value * 1000 };
        Ok(Some(Timestamp(micros)))
    }

    pub fn bool(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.get(name)? {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(illegal(name, "^(true|false)$")),
        }
    }

    /// Refuses what was sent and no one asked for (-1104).
    pub fn all_read(&self) -> Result<(), ApiError> {
        let read = self.entries.iter().filter(|entry| entry.read.load(Relaxed)).count();
        if read == self.entries.len() {
            return Ok(());
        }
        let sent = self.entries.len();
        let msg = format!("Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'.");
        Err(ApiError::with(Code::UnreadParameters, msg))
    }
}

/// -1100 for a value outside of its pattern.
pub fn illegal(name: &str, pattern: &str) -> ApiError {
    let msg = format!("Illegal characters found in parameter '{name}'; legal range is '{pattern}'.");
    ApiError::with(Code::IllegalChars, msg)
}

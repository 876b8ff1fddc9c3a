//! How services know each other: by passes ([`Signer`], [`Verifier`]) under keys that are made from the token in
//! `DIR/internal.token`. Scripts of the operator may present the token itself, where it is documented, as a bearer token.
//!
//! Never shown: `Debug` hides it, and comparing takes the same time whatever is presented.

mod pass;

pub use pass::{Pass, PassFault, SKEW_MAX, Signer, Verifier};

use std::{
    fmt::{self, Write as _},
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use subtle::ConstantTimeEq;

/// The file's name in the data directory.
pub const TOKEN_FILE: &str = "internal.token";

const TOKEN_BYTES: usize = 32;
const SCHEME: &str = "Bearer ";
/// Who calls when no service does.
const OPERATOR: &str = "operator";

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// Others may read the file.
    #[error("{}: mode {mode:03o} lets others read it; run: chmod 600 {}", path.display(), path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file holds something else.
    #[error("{}: not a token of {} hexadecimal digits; remove the file to get a new one", path.display(), TOKEN_BYTES * 2)]
    Content {
        /// The file.
        path: PathBuf,
    },
    /// The system gives no randomness.
    #[error("no randomness from the system: {0}")]
    Random(getrandom::Error),
}

/// The token that services of one deployment share.
#[derive(Clone)]
pub struct InternalToken {
    hex: String,
    /// As whom its holder calls others.
    caller: Arc<str>,
}

impl fmt::Debug for InternalToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InternalToken(hidden)")
    }
}

impl InternalToken {
    /// Reads the token of a data directory, and makes one at the first start.
    pub fn open(data: &Path) -> Result<Self, TokenError> {
        match Self::read(data) {
            Err(TokenError::File { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                create(data)?;
                Self::read(data)
            }
            result => result,
        }
    }

    /// Reads the token, and makes none: for clients.
    pub fn read(data: &Path) -> Result<Self, TokenError> {
        let path = data.join(TOKEN_FILE);
        let file = |error| TokenError::File { path: path.clone(), error };
        let mode = fs::metadata(&path).map_err(file)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(TokenError::Mode { path, mode });
        }
        let text = fs::read_to_string(&path).map_err(file)?;
        Self::parse(text.trim_end()).ok_or(TokenError::Content { path })
    }

    /// A token that came another way; none where the text is none.
    pub fn parse(hex: &str) -> Option<Self> {
        let digits = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        (hex.len() == TOKEN_BYTES * 2 && digits).then(|| Self { hex: hex.to_owned(), caller: OPERATOR.into() })
    }

    /// The same token in the hands of a service, which signs its calls with this name.
    pub fn held_by(&self, caller: &str) -> Self {
        Self { hex: self.hex.clone(), caller: caller.into() }
    }

    fn caller(&self) -> &str {
        &self.caller
    }

    /// Whether the value of an `Authorization` header is this token's.
    pub fn admits(&self, authorization: Option<&[u8]>) -> bool {
        let Some(value) = authorization else {
            return false;
        };
        // The scheme's name is public and case-insensitive; only the rest is secret.
        let Some((scheme, token)) = value.split_at_checked(SCHEME.len()) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(SCHEME.as_bytes()) && bool::from(token.ct_eq(self.hex.as_bytes()))
    }

    /// The `Authorization` header with the token itself, for what is documented for scripts.
    pub fn header(&self) -> String {
        format!("{SCHEME}{}", self.hex)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Makes the file whole or not at all, and leaves it alone when another process was first.
fn create(data: &Path) -> Result<(), TokenError> {
    let path = data.join(TOKEN_FILE);
    let file = |error| TokenError::File { path: path.clone(), error };
    let mut bytes = [0_u8; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(TokenError::Random)?;
    let mut hex = hex(&bytes);
    hex.push('\n');

    fs::create_dir_all(data).map_err(file)?;
    static DRAFTS: AtomicU32 = AtomicU32::new(0);
    let nth = DRAFTS.fetch_add(1, Ordering::Relaxed);
    let draft = data.join(format!("{TOKEN_FILE}.{}-{nth}", std::process::id()));
    let written = write_draft(&draft, &hex).and_then(|()| match fs::hard_link(&draft, &path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    });
    let removed = fs::remove_file(&draft);
    written.and(removed).map_err(file)?;
    File::open(data).and_then(|directory| directory.sync_all()).map_err(file)
}

fn write_draft(draft: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(draft) {
        // Left over by a process that had this id and was killed.
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

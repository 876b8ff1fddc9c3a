//! What mails say. Plain ASCII, so that they travel as they are.

use super::Letter;

const HELLO: &str = "Hello,\r\n\r\n";

/// The anti-phishing code is in every mail to an account that has set one.
fn sign(body: &str, anti_phishing: &str) -> String {
    let shown = match anti_phishing {
        "" => String::new(),
        code => format!("Your anti-phishing code: {code}\r\n"),
    };
    format!("{HELLO}{body}\r\n\r\n{shown}ALLIN\r\n")
}

pub fn register(to: &str, code: &str, minutes: u64) -> Letter {
    let body = format!(
        "here is the code that completes your registration:\r\n\r\nCode: {code}\r\n\r\nIt is good for {minutes} minutes. \
         If you did not register, ignore this mail."
    );
    Letter { to: to.to_owned(), subject: "Your registration code", body: sign(&body, "") }
}

/// To the owner of an address with which somebody wanted to register again.
pub fn register_known(to: &str, anti_phishing: &str) -> Letter {
    let body = "somebody tried to register with this address, which has an account already. If it was you, log in or \
        reset your password. If it was not, there is nothing to do.";
    Letter { to: to.to_owned(), subject: "You have an account already", body: sign(body, anti_phishing) }
}

pub fn reset(to: &str, code: &str, minutes: u64, anti_phishing: &str) -> Letter {
    let body = format!(
        "here is the code that resets your password:\r\n\r\nCode: {code}\r\n\r\nIt is good for {minutes} minutes. If you did \
         not ask for it, ignore this mail: without the code your password stays."
    );
    Letter { to: to.to_owned(), subject: "Your password reset code", body: sign(&body, anti_phishing) }
}

/// A credential was changed.
pub fn security(to: &str, what: &str, anti_phishing: &str) -> Letter {
    let body = format!("{what}\r\n\r\nIf it was not you, reset your password and log out all devices at once.");
    Letter { to: to.to_owned(), subject: "Security notice", body: sign(&body, anti_phishing) }
}

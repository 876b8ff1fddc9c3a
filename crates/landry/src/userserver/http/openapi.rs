//! The interface's description, OpenAPI 3.1: made from the endpoints, committed at docs/openapi/userserver.json.

use std::collections::BTreeMap;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::{Response as Described, ResponseBuilder};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{IntoResponses, Modify, OpenApi};

use crate::userserver::error::ErrorBody;
use crate::userserver::{account, apikeys, internal, kyc, passkeys, sessions, subaccounts, totp};

/// The refusals that every endpoint may give.
pub struct Refusals;

const REFUSALS: [(&str, &str); 9] = [
    ("400", "The request does not have the form that is described."),
    ("401", "Nobody is logged in, or the credentials are wrong."),
    ("403", "The caller may not do this, or has not proved again who he is."),
    ("404", "There is no such thing, or it is not the caller's."),
    ("409", "The form is right; the content, or the state of the account, does not allow it."),
    ("413", "The body is too large."),
    ("415", "The body has another type."),
    ("429", "Too many attempts; see Retry-After."),
    ("503", "Too much to do, or the store is away; see Retry-After."),
];

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let body = || ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorBody"))).build();
        let described =
            |text: &str| ResponseBuilder::new().description(text).content("application/json", body()).build();
        REFUSALS.iter().map(|(status, text)| ((*status).to_owned(), RefOr::T(described(text)))).collect()
    }
}

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = |text: &str| {
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(text)).build())
        };
        components.add_security_scheme("session", bearer("The token of a login."));
        components.add_security_scheme("internal", bearer("The token that services of one deployment share."));
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "ALLIN users",
        version = "1",
        description = "Accounts, sessions, credentials, API keys, sub-accounts and documents. Times are milliseconds since \
            the Unix epoch. Every refusal has one shape: a code for programs and a message for people.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    modifiers(&Schemes),
    components(schemas(ErrorBody)),
    paths(
        account::register::register,
        account::confirm::confirm,
        account::login::login,
        account::reset::reset,
        account::reset_confirm::reset_confirm,
        account::password::change_password,
        account::profile::account,
        account::profile::set_profile,
        account::preferences::preferences,
        account::preferences::set_preferences,
        account::notifications::notifications,
        account::notifications::set_notifications,
        account::anti_phishing::set_anti_phishing,
        account::referral::referral,
        sessions::list::list,
        sessions::revoke::logout,
        sessions::revoke::revoke,
        sessions::revoke::revoke_others,
        sessions::logins::logins,
        totp::begin::begin,
        totp::confirm::confirm,
        totp::disable::disable,
        totp::recovery::recovery_codes,
        passkeys::list::list,
        passkeys::register::begin,
        passkeys::register::finish,
        passkeys::remove::remove,
        passkeys::login::begin,
        passkeys::login::finish,
        apikeys::list::list,
        apikeys::create::create,
        apikeys::change::change,
        apikeys::revoke::revoke,
        subaccounts::list::list,
        subaccounts::create::create,
        subaccounts::freeze::freeze,
        kyc::status::status,
        kyc::upload::upload,
        kyc::submit::submit,
        internal::user::user,
        internal::demo::demo,
        internal::freeze::freeze,
        internal::close::close,
        internal::kyc::documents,
        internal::kyc::review,
        internal::kyc::document,
    )
)]
struct Document;

/// The description as it is committed.
pub fn document() -> String {
    let mut text = Document::openapi().to_pretty_json().expect("made of texts");
    text.push('\n');
    text
}

/// GET /openapi.json
pub async fn serve() -> Response {
    static TEXT: std::sync::LazyLock<String> = std::sync::LazyLock::new(document);
    ([(CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

/// GET /healthz
pub async fn health() -> &'static str {
    "ok\n"
}

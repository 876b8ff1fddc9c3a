//! TLS: a certificate from files, or a self-made one for development.
//!
//! The self-made authority is made once and kept in the data folder, so that it can be trusted by hand; the certificate
//! below it is made anew at each start, for a year.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use allin_topology::Settings as Domains;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::GatewaySection;

/// Some systems refuse certificates that last longer.
const LEAF_DAYS: u64 = 397;
const AUTHORITY_DAYS: u64 = 3650;
const DAY: Duration = Duration::from_secs(86_400);

/// Why TLS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("tls: {path}: {reason}")]
    File { path: String, reason: String },
    #[error("tls: cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    #[error("tls: {0}")]
    Config(#[from] rustls::Error),
}

fn file_error(path: &Path, reason: impl ToString) -> TlsError {
    TlsError::File { path: path.display().to_string(), reason: reason.to_string() }
}

/// Certificate and protocols, from the configured files or made in `data`/tls.
pub fn server_config(config: &GatewaySection, data: &Path, domains: &Domains) -> Result<Arc<ServerConfig>, TlsError> {
    let (chain, key) = if config.tls_certificate.as_os_str().is_empty() {
        self_made(&data.join("tls"), domains)?
    } else {
        (certificates(&config.tls_certificate)?, private_key(&config.tls_key)?)
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut tls = builder.with_no_client_auth().with_single_cert(chain, key)?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(tls))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    read.map_err(|error| file_error(path, error))
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    // The error tells what is wrong with the file, never what is in it.
    PrivateKeyDer::from_pem_file(path).map_err(|error| file_error(path, error))
}

/// The authority in `ca.pem` and `ca.key`, and a certificate below it in `leaf.pem` and `leaf.key`.
fn self_made(
    folder: &Path,
    domains: &Domains,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    fs::create_dir_all(folder).map_err(|error| file_error(folder, error))?;
    // One gateway after the other, of those that share the folder; a process that ends lets go of it.
    let guard = folder.join("lock");
    let held = fs::File::create(&guard).and_then(|file| file.lock().map(|()| file));
    let _held = held.map_err(|error| file_error(&guard, error))?;
    let (ca_pem, ca_key) = (folder.join("ca.pem"), folder.join("ca.key"));
    let key = match fs::read_to_string(&ca_key) {
        Ok(text) if ca_pem.exists() => KeyPair::from_pem(&text)?,
        Ok(_) => return Err(file_error(&ca_pem, "is gone, and ca.key beside it is not: remove that too")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = KeyPair::generate()?;
            let authority = authority()?.self_signed(&key)?;
            // The key last: with it the pair is whole.
            write(&ca_pem, &authority.pem(), 0o644)?;
            write(&ca_key, &key.serialize_pem(), 0o600)?;
            key
        }
        Err(error) => return Err(file_error(&ca_key, error)),
    };
    let issuer = Issuer::new(authority()?, key);
    let leaf_key = KeyPair::generate()?;
    let leaf = leaf(domains)?.signed_by(&leaf_key, &issuer)?;
    write(&folder.join("leaf.pem"), &leaf.pem(), 0o644)?;
    write(&folder.join("leaf.key"), &leaf_key.serialize_pem(), 0o600)?;
    let key = PrivateKeyDer::try_from(leaf_key.serialize_der()).map_err(|error| file_error(folder, error))?;
    let authority = certificates(&ca_pem)?.into_iter().next();
    let authority = authority.ok_or_else(|| file_error(&ca_pem, "holds no certificate: remove it and ca.key"))?;
    Ok((vec![leaf.der().clone(), authority], key))
}

/// Its name is the same at every start: it is how certificates below it point at it.
fn authority() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "ALLIN development authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    lasting(&mut params, AUTHORITY_DAYS);
    Ok(params)
}

fn leaf(domains: &Domains) -> Result<CertificateParams, rcgen::Error> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    for domain in domains.public_aliases.iter().chain([&domains.public_domain]) {
        names.extend([domain.clone(), format!("*.{domain}")]);
    }
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "ALLIN development");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    lasting(&mut params, LEAF_DAYS);
    Ok(params)
}

/// From yesterday on, so that a client whose clock is behind takes it.
fn lasting(params: &mut CertificateParams, days: u64) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // Years fit: certificates have dates up to 9999.
    let today = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(since.as_secs());
    params.not_before = today - DAY;
    params.not_after = today - DAY + DAY * days as u32;
}

/// Writes a file whole, with its mode from the first byte on.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), TlsError> {
    let beside = path.with_extension("new");
    let write = || -> io::Result<()> {
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|error| file_error(path, error))
}

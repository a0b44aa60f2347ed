//! The certificate: the operator's own, or one that the daemon makes for itself and keeps.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
};
use serde::{Deserialize, Serialize};
use tokio_rustls::rustls::crypto::ring::{default_provider, sign::any_supported_type};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};

/// A browser that was told to trust the certificate need not be told again for a year.
const VALID: SignedDuration = SignedDuration::from_hours(24 * 397);
/// Made anew this long before its end.
const RENEWED_BEFORE: SignedDuration = SignedDuration::from_hours(24 * 30);
/// Names in one certificate: a host with many container networks has many addresses.
const NAMES_MAX: usize = 64;

/// Why there is no certificate to serve with.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{path}: {message}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// No certificate could be made.
    #[error("the certificate could not be made: {0}")]
    Making(String),
}

enum Source {
    Own { certificate: PathBuf, key: PathBuf },
    Made { folder: PathBuf, names: Vec<String> },
}

/// The certificate in use; can be replaced while connections last.
pub struct Certificates {
    source: Source,
    current: RwLock<Arc<CertifiedKey>>,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates")
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}

/// What the made certificate says, beside it: the certificate itself need not be parsed for that.
#[derive(Serialize, Deserialize)]
struct Made {
    names: BTreeSet<String>,
    not_after: Timestamp,
}

impl Certificates {
    /// The operator's certificate (chain, leaf first) and key, PEM.
    ///
    /// # Errors
    /// When a file cannot be read or the two do not belong together.
    pub fn own(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        Self::of(Source::Own {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        })
    }

    /// A self-signed certificate, kept in `folder` (key with mode 0600), for `names`, `localhost`, the host's name and all its addresses.
    /// Made anew when a name is missing in it or its end is near.
    ///
    /// # Errors
    /// When it cannot be made or kept.
    pub fn made(folder: &Path, names: &[String]) -> Result<Self, TlsError> {
        Self::of(Source::Made {
            folder: folder.to_owned(),
            names: names.to_vec(),
        })
    }

    fn of(source: Source) -> Result<Self, TlsError> {
        let current = RwLock::new(source.load()?);
        Ok(Self { source, current })
    }

    /// Reads the files again, or makes a new certificate if it is time; new connections get it. Call it at a reload and twice a day.
    ///
    /// # Errors
    /// As at the start; the certificate in use stays.
    pub fn refresh(&self) -> Result<(), TlsError> {
        let fresh = self.source.load()?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// SHA-256 over the leaf certificate as browsers show it: `AB:CD:…`.
    pub fn fingerprint(&self) -> String {
        let current = self.current();
        let leaf = current.cert.first().map_or(&[][..], |leaf| leaf.as_ref());
        let digest = ring::digest::digest(&ring::digest::SHA256, leaf);
        let bytes: Vec<String> = digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        bytes.join(":")
    }

    /// A server's configuration with this certificate: TLS 1.2 and 1.3, HTTP/1.1.
    ///
    /// # Errors
    /// [`TlsError::Making`] when the cryptography lacks a protocol version.
    pub fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, TlsError> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Making(error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Resolver(Arc::clone(self))));
        // The second is TURN's (RFC 7443), which shares the port.
        config.alpn_protocols = vec![b"http/1.1".to_vec(), b"stun.turn".to_vec()];
        Ok(Arc::new(config))
    }
}

#[derive(Debug)]
struct Resolver(Arc<Certificates>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.current())
    }
}

impl Source {
    fn load(&self) -> Result<Arc<CertifiedKey>, TlsError> {
        match self {
            Self::Own { certificate, key } => read(certificate, key),
            Self::Made { folder, names } => {
                let paths = [
                    folder.join("self-signed.pem"),
                    folder.join("self-signed.key"),
                ];
                let note = folder.join("self-signed.json");
                let wanted = names_of_host(names);
                if !is_good(&note, &wanted) || !paths.iter().all(|path| path.is_file()) {
                    make(&paths, &note, wanted)?;
                }
                read(&paths[0], &paths[1])
            }
        }
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<CertifiedKey>, TlsError> {
    let content = |path: &Path, message: String| TlsError::Content {
        path: path.to_owned(),
        message,
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| content(certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(content(certificate, "holds no certificate".to_owned()));
    }
    let secret =
        PrivateKeyDer::from_pem_file(key).map_err(|error| content(key, error.to_string()))?;
    let signer = any_supported_type(&secret).map_err(|error| content(key, error.to_string()))?;
    let certified = CertifiedKey::new(chain, signer);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok(Arc::new(certified))
        }
        Err(error) => Err(content(
            key,
            format!("does not belong to the certificate: {error}"),
        )),
    }
}

fn is_good(note: &Path, wanted: &BTreeSet<String>) -> bool {
    let made: Option<Made> = fs::read(note)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok());
    made.is_some_and(|made| {
        wanted.is_subset(&made.names)
            && Timestamp::now().duration_until(made.not_after) > RENEWED_BEFORE
    })
}

/// `localhost`, the host's name, its addresses that others can use, and what is asked for.
fn names_of_host(asked: &[String]) -> BTreeSet<String> {
    let mut names: Vec<String> = asked.to_vec();
    names.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    if let Ok(host) = fs::read_to_string("/proc/sys/kernel/hostname") {
        names.push(host.trim().to_owned());
    }
    for interface in nix::ifaddrs::getifaddrs().into_iter().flatten() {
        let Some(address) = interface.address else {
            continue;
        };
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::from(v4.ip()));
        let v6 = address.as_sockaddr_in6().map(|v6| IpAddr::from(v6.ip()));
        // Link-local addresses need a zone, which no certificate can carry.
        let usable = |ip: &IpAddr| match ip {
            IpAddr::V4(v4) => !v4.is_link_local(),
            IpAddr::V6(v6) => !v6.is_unicast_link_local(),
        };
        names.extend(v4.or(v6).filter(usable).map(|ip| ip.to_string()));
    }
    let proper = |name: &String| {
        name.parse::<IpAddr>().is_ok()
            || (!name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b)))
    };
    names.into_iter().filter(proper).take(NAMES_MAX).collect()
}

fn make(paths: &[PathBuf; 2], note: &Path, names: BTreeSet<String>) -> Result<(), TlsError> {
    let making = |error: rcgen::Error| TlsError::Making(error.to_string());
    let key = KeyPair::generate().map_err(making)?;
    let list: Vec<String> = names.iter().cloned().collect();
    let mut params = CertificateParams::new(list).map_err(making)?;
    let now = Timestamp::now();
    let not_after = now
        .checked_add(VALID)
        .map_err(|error| TlsError::Making(error.to_string()))?;
    let day = |at: Timestamp| {
        let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        rcgen::date_time_ymd(date.year().into(), month, day)
    };
    params.not_before = day(now
        .checked_sub(SignedDuration::from_hours(24))
        .unwrap_or(now));
    params.not_after = day(not_after);
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Nhip Cau");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key).map_err(making)?;
    // The note first goes, last comes: whatever is interrupted between is made again.
    let _ = fs::remove_file(note);
    write(&paths[1], key.serialize_pem().as_bytes(), 0o600)?;
    write(&paths[0], certificate.pem().as_bytes(), 0o644)?;
    let made = serde_json::to_vec(&Made { names, not_after })
        .map_err(|error| TlsError::Making(error.to_string()))?;
    write(note, &made, 0o644)?;
    tracing::info!("a self-signed certificate was made");
    Ok(())
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), TlsError> {
    let file = |error| TlsError::File {
        path: path.to_owned(),
        error,
    };
    let fresh = path.with_extension("new");
    let _ = fs::remove_file(&fresh);
    let mut target = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&fresh)
        .map_err(file)?;
    target
        .write_all(bytes)
        .and_then(|()| target.sync_all())
        .map_err(file)?;
    fs::rename(&fresh, path).map_err(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_certificate_is_kept_until_a_name_is_missing() {
        let folder = tempfile::tempdir().expect("folder");
        let first = Certificates::made(folder.path(), &[]).expect("made");
        let again = Certificates::made(folder.path(), &[]).expect("read");
        assert_eq!(first.fingerprint(), again.fingerprint());
        assert_eq!(first.fingerprint().len(), 32 * 3 - 1);
        let more = Certificates::made(folder.path(), &["hop.example.vn".to_owned()]).expect("made");
        assert_ne!(first.fingerprint(), more.fingerprint());
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(folder.path().join("self-signed.key"))
            .expect("key")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_certificate_near_its_end_is_made_anew() {
        let folder = tempfile::tempdir().expect("folder");
        let first = Certificates::made(folder.path(), &[]).expect("made");
        let note = folder.path().join("self-signed.json");
        let mut made: Made = serde_json::from_slice(&fs::read(&note).expect("note")).expect("json");
        made.not_after = Timestamp::now()
            .checked_add(SignedDuration::from_hours(24))
            .expect("time");
        fs::write(&note, serde_json::to_vec(&made).expect("json")).expect("note");
        first.refresh().expect("renewed");
        let renewed: Made = serde_json::from_slice(&fs::read(&note).expect("note")).expect("json");
        assert!(renewed.not_after > made.not_after);
    }

    #[test]
    fn an_own_certificate_is_read_again_and_a_foreign_key_is_refused() {
        let (a, b) = (
            tempfile::tempdir().expect("folder"),
            tempfile::tempdir().expect("folder"),
        );
        Certificates::made(a.path(), &[]).expect("made");
        Certificates::made(b.path(), &[]).expect("made");
        let (pem, key) = (
            a.path().join("self-signed.pem"),
            a.path().join("self-signed.key"),
        );
        let own = Certificates::own(&pem, &key).expect("own");
        let before = own.fingerprint();
        assert!(Certificates::own(&pem, &b.path().join("self-signed.key")).is_err());
        fs::copy(b.path().join("self-signed.pem"), &pem).expect("copy");
        assert!(own.refresh().is_err(), "half replaced");
        assert_eq!(own.fingerprint(), before);
        fs::copy(b.path().join("self-signed.key"), &key).expect("copy");
        own.refresh().expect("replaced");
        assert_ne!(own.fingerprint(), before);
    }
}

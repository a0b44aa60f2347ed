//! Mail over the province's own server.

use std::time::Duration;

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Attachment as Part, Mailbox, Message, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::NotifyError;
use crate::config::{Smtp, SmtpTls};
use crate::logging::escape;

/// Most receivers of one mail: an invitation to every commune is one mail each.
const RECEIVERS_MAX: usize = 100;
/// Largest text and attachments together.
const CONTENT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest subject in characters; longer ones are cut.
const SUBJECT_CHARS_MAX: usize = 200;

/// One mail. Its texts may hold what a device said.
#[derive(Debug, Clone, Default)]
pub struct Mail {
    /// Receivers' addresses, without names.
    pub to: Vec<String>,
    /// Subject; control characters are written out, so it stays one header.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// Files, such as a calendar entry.
    pub attachments: Vec<Attachment>,
}

/// One attached file.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// File name; anything but letters, digits, `.`, `-` and `_` becomes `_`.
    pub name: String,
    /// Media type, such as `text/calendar; charset=utf-8; method=REQUEST`.
    pub content_type: String,
    /// Content.
    pub content: Vec<u8>,
}

/// Sends mail over one server; a connection each, because mail is rare.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    timeout: Duration,
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailer")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

/// RFC 3834: keeps vacation notices from answering.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".into())
    }
}

impl Mailer {
    /// For a configured server; reads the password now.
    ///
    /// # Errors
    /// When the password or the system's certificates cannot be read.
    pub fn new(settings: &Smtp) -> Result<Self, NotifyError> {
        Self::with_root(settings, None)
    }

    fn with_root(settings: &Smtp, root: Option<Certificate>) -> Result<Self, NotifyError> {
        let refuse = |error: &dyn std::fmt::Display| NotifyError::Refused(error.to_string());
        let parameters = || {
            let mut builder = TlsParameters::builder(settings.host.clone());
            if let Some(root) = root.clone() {
                builder = builder.add_root_certificate(root);
            }
            builder.build().map_err(|error| refuse(&error))
        };
        let tls = match settings.tls {
            SmtpTls::None => Tls::None,
            SmtpTls::Starttls => Tls::Required(parameters()?),
            SmtpTls::Tls => Tls::Wrapper(parameters()?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .tls(tls)
            .timeout(Some(settings.timeout));
        if let Some((user, password)) = &settings.login {
            builder = builder.credentials(Credentials::new(
                user.clone(),
                password.resolve()?.expose().to_owned(),
            ));
        }
        let from = Mailbox::new(Some("Nhịp Cầu".into()), address(&settings.from)?);
        Ok(Self {
            transport: builder.build(),
            from,
            timeout: settings.timeout,
        })
    }

    /// Hands one mail to the server. `Ok` means that the server took it for every receiver.
    ///
    /// # Errors
    /// `Refused` for a mail that cannot be built, else what the server said.
    pub async fn send(&self, mail: &Mail) -> Result<(), NotifyError> {
        let message = self.message(mail)?;
        match tokio::time::timeout(self.timeout, self.transport.send(message)).await {
            Err(_) => Err(NotifyError::Timeout),
            Ok(Ok(_)) => Ok(()),
            // What the server said is foreign text and goes on to pages and logs.
            Ok(Err(error)) if error.is_permanent() => {
                Err(NotifyError::Rejected(escape(&error.to_string())))
            }
            Ok(Err(error)) if error.is_timeout() => Err(NotifyError::Timeout),
            Ok(Err(error)) => Err(NotifyError::Unreachable(escape(&error.to_string()))),
        }
    }

    fn message(&self, mail: &Mail) -> Result<Message, NotifyError> {
        let refuse = |what: String| Err(NotifyError::Refused(what));
        if mail.to.is_empty() || mail.to.len() > RECEIVERS_MAX {
            return refuse(format!("a mail has 1 to {RECEIVERS_MAX} receivers"));
        }
        let bytes = mail.text.len()
            + mail
                .attachments
                .iter()
                .map(|file| file.content.len())
                .sum::<usize>();
        if bytes > CONTENT_BYTES_MAX {
            return refuse(format!("a mail has at most {CONTENT_BYTES_MAX} bytes"));
        }
        let subject: String = escape(&mail.subject)
            .chars()
            .take(SUBJECT_CHARS_MAX)
            .collect();
        let mut builder = Message::builder()
            .from(self.from.clone())
            .subject(subject)
            .header(AutoSubmitted);
        for to in &mail.to {
            builder = builder.to(Mailbox::new(None, address(to)?));
        }
        let text = SinglePart::builder()
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text.clone());
        let message = if mail.attachments.is_empty() {
            builder.singlepart(text)
        } else {
            let mut parts = MultiPart::mixed().singlepart(text);
            for file in &mail.attachments {
                let content_type = ContentType::parse(&file.content_type).map_err(|_| {
                    NotifyError::Refused("an attachment's media type is none".into())
                })?;
                parts = parts.singlepart(
                    Part::new(file_name(&file.name)).body(file.content.clone(), content_type),
                );
            }
            builder.multipart(parts)
        };
        message.map_err(|error| NotifyError::Refused(error.to_string()))
    }
}

fn address(text: &str) -> Result<Address, NotifyError> {
    if !crate::config::is_email(text) {
        return Err(NotifyError::Refused(
            "a receiver's address is no mail address".into(),
        ));
    }
    text.parse()
        .map_err(|_| NotifyError::Refused("a receiver's address is no mail address".into()))
}

fn file_name(name: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') {
            c
        } else {
            '_'
        }
    };
    name.chars().take(100).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::super::peer::Peer;
    use super::*;
    use crate::secret::{Secret, SecretRef};

    /// A mail server that prints envelope and content of one mail, in TLS and with a login when asked for.
    const SERVER: &str = r#"
import json, ssl
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
done = __import__("threading").Event()
class Handler:
    async def handle_DATA(self, server, session, envelope):
        print(json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None,
            "login": bool(session.authenticated), "data": envelope.content.decode()}), flush=True)
        done.set()
        return "250 taken"
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"): return "550 no such person\u2028"
        envelope.rcpt_tos.append(address)
        return "250 ok"
def login(server, session, envelope, mechanism, data):
    good = (data.login, data.password) == (b"nhipcau", b"s3cret")
    return AuthResult(success=good)
extra = {}
if directory:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory + "/cert.pem", directory + "/key.pem")
    extra = dict(tls_context=context, require_starttls=True, authenticator=login, auth_required=True)
import socket
probe = socket.socket(); probe.bind(("127.0.0.1", 0)); port = probe.getsockname()[1]; probe.close()
controller = Controller(Handler(), hostname="127.0.0.1", port=port, **extra)
controller.start()
ready(port)
done.wait(30)
controller.stop()
"#;

    fn settings(port: u16, tls: SmtpTls) -> Smtp {
        Smtp {
            host: "127.0.0.1".into(),
            port,
            tls,
            from: "nhipcau@quangnam.example".into(),
            login: None,
            timeout: Duration::from_secs(20),
        }
    }

    fn mail(to: &str) -> Mail {
        Mail {
            to: vec![to.into()],
            subject: "Đứt tuyến\r\nBcc: thief@example.com\r\n\r\nforged".into(),
            text: "Xã Sơn Mỹ: rớt 09:14:03\r\n.\r\nMAIL FROM:<thief@example.com>\n".into(),
            attachments: vec![Attachment {
                name: "../họp\".ics".into(),
                content_type: "text/calendar; charset=utf-8".into(),
                content: b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n".to_vec(),
            }],
        }
    }

    #[tokio::test]
    async fn a_real_server_gets_the_mail_and_no_forged_header() {
        let Some(peer) = Peer::start("mail", SERVER).await else {
            return;
        };
        let mailer = Mailer::new(&settings(peer.port, SmtpTls::None)).unwrap();
        let rejected = mailer
            .send(&mail("nobody@quangnam.example"))
            .await
            .unwrap_err();
        assert!(
            matches!(&rejected, NotifyError::Rejected(_)) && !rejected.is_temporary(),
            "{rejected:?}"
        );
        mailer.send(&mail("truc@quangnam.example")).await.unwrap();
        let got: serde_json::Value = serde_json::from_str(&peer.finish().await).unwrap();
        assert_eq!(got["to"], serde_json::json!(["truc@quangnam.example"]));
        let data = got["data"].as_str().unwrap();
        let head = data.split("\r\n\r\n").next().unwrap();
        assert!(!head.to_lowercase().contains("\r\nbcc:"), "{head}");
        assert!(
            head.contains("Auto-Submitted: auto-generated") && head.contains("Subject: ="),
            "{head}"
        );
        assert!(data.contains("filename=\".._h_p_.ics\""), "{data}");
    }

    #[tokio::test]
    async fn starttls_and_login_are_required_and_an_unknown_certificate_is_refused() {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(
            directory.path().join("key.pem"),
            made.signing_key.serialize_pem(),
        )
        .unwrap();
        let script = SERVER.replace(
            "if directory:",
            &format!("directory = {:?}\nif directory:", directory.path()),
        );
        let Some(peer) = Peer::start("mail-tls", &script).await else {
            return;
        };
        let mut settings = settings(peer.port, SmtpTls::Starttls);
        settings.login = Some((
            "nhipcau".into(),
            SecretRef::Value(Secret::new("s3cret".into())),
        ));
        let unknown = Mailer::new(&settings)
            .unwrap()
            .send(&mail("truc@quangnam.example"))
            .await;
        assert!(
            matches!(unknown, Err(NotifyError::Unreachable(_))),
            "{unknown:?}"
        );
        let root = Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
        Mailer::with_root(&settings, Some(root))
            .unwrap()
            .send(&mail("truc@quangnam.example"))
            .await
            .unwrap();
        let got: serde_json::Value = serde_json::from_str(&peer.finish().await).unwrap();
        assert_eq!((&got["tls"], &got["login"]), (&true.into(), &true.into()));
    }

    #[test]
    fn addresses_with_line_ends_are_refused_before_any_connection() {
        let mailer = Mailer::new(&settings(1, SmtpTls::None)).unwrap();
        for to in [
            "a@b.example\r\nRCPT TO:<c@d.example>",
            "a@b.example, c@d.example",
            "<a@b.example>",
            "a",
        ] {
            assert!(
                matches!(mailer.message(&mail(to)), Err(NotifyError::Refused(_))),
                "{to}"
            );
        }
        assert!(matches!(
            mailer.message(&Mail::default()),
            Err(NotifyError::Refused(_))
        ));
    }
}

//! From a configured credential to what the SNMP library presents on the wire.

use async_snmp::v3::UsmConfig;
use async_snmp::{Auth, AuthProtocol, PrivProtocol};
use nhipcau_wire::port::User;

use nhipcau_inventory::poller::Context;

use crate::config as model;
use crate::secret::{Secret, SecretError};

/// Why a credential cannot be used; never carries the secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialError {
    /// The secret's place could not be read.
    #[error("credential {name}: {source}")]
    Secret {
        /// The credential.
        name: String,
        /// Why.
        source: SecretError,
    },
    /// The library refuses it, e.g. a password shorter than eight bytes (RFC 3414 §11.2).
    #[error("credential {name}: {detail}")]
    Refused {
        /// The credential.
        name: String,
        /// Why.
        detail: String,
    },
}

/// A credential with its secrets read.
pub(crate) struct Keys {
    name: String,
    access: Access,
}

enum Access {
    V1(Secret),
    V2c(Secret),
    V3 {
        user: String,
        auth: Option<(AuthProtocol, Secret)>,
        privacy: Option<(PrivProtocol, Secret)>,
        context: String,
    },
}

impl Keys {
    /// Reads the credential's secrets.
    pub(crate) fn read(credential: &model::Credential) -> Result<Self, CredentialError> {
        let resolve = |reference: &crate::secret::SecretRef| {
            reference
                .resolve()
                .map_err(|source| CredentialError::Secret {
                    name: credential.name.clone(),
                    source,
                })
        };
        let access = match &credential.access {
            model::Access::V1 { community } => Access::V1(resolve(community)?),
            model::Access::V2c { community } => Access::V2c(resolve(community)?),
            model::Access::V3 {
                user,
                auth,
                privacy,
                context,
            } => Access::V3 {
                user: user.clone(),
                auth: auth
                    .as_ref()
                    .map(|(protocol, secret)| Ok((auth_protocol(*protocol), resolve(secret)?)))
                    .transpose()?,
                privacy: privacy
                    .as_ref()
                    .map(|(protocol, secret)| Ok((privacy_protocol(*protocol), resolve(secret)?)))
                    .transpose()?,
                context: context.clone(),
            },
        };
        Ok(Self {
            name: credential.name.clone(),
            access,
        })
    }

    /// What a request presents in that context of the agent.
    pub(crate) fn auth(&self, part: Option<Context>) -> Result<Auth, CredentialError> {
        let community = |secret: &Secret| match part {
            None => secret.expose().to_owned(),
            Some(Context::Vlan(vlan)) => format!("{}@{vlan}", secret.expose()),
        };
        Ok(match &self.access {
            Access::V1(secret) => Auth::v1(community(secret)),
            Access::V2c(secret) => Auth::v2c(community(secret)),
            Access::V3 {
                user,
                auth,
                privacy,
                context,
            } => {
                let config = UsmConfig::new(user.clone().into_bytes());
                let config = match (auth, privacy) {
                    (Some((auth, auth_password)), Some((privacy, privacy_password))) => config
                        .auth_priv(
                            *auth,
                            auth_password.expose(),
                            *privacy,
                            privacy_password.expose(),
                        ),
                    (Some((auth, password)), None) => config.auth(*auth, password.expose()),
                    (None, _) => Ok(config),
                }
                .map_err(|error| self.refused(&error))?;
                let context = match part {
                    None => context.clone(),
                    Some(Context::Vlan(vlan)) => format!("vlan-{vlan}"),
                };
                Auth::Usm(config.context_name(context.into_bytes()))
            }
        })
    }

    /// Every secret in it, for those who must keep them out of what they write.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let all = match &self.access {
            Access::V1(community) | Access::V2c(community) => [Some(community), None],
            Access::V3 { auth, privacy, .. } => [
                auth.as_ref().map(|(_, secret)| secret),
                privacy.as_ref().map(|(_, secret)| secret),
            ],
        };
        all.into_iter().flatten().map(Secret::expose)
    }

    /// The same SNMPv3 user without keys, to hear why a device does not take them; `None` where there are none.
    pub(crate) fn keyless(&self) -> Option<Auth> {
        match &self.access {
            Access::V3 {
                user,
                auth: Some(_),
                ..
            } => Some(Auth::Usm(UsmConfig::new(user.clone().into_bytes()))),
            _ => None,
        }
    }

    /// The community, for traps; `None` for v3.
    pub(crate) fn community(&self) -> Option<&Secret> {
        match &self.access {
            Access::V1(community) | Access::V2c(community) => Some(community),
            Access::V3 { .. } => None,
        }
    }

    /// The USM user with its keys, for traps; `None` for communities and for users without authentication, whom anyone can impersonate.
    pub(crate) fn trap_user(&self) -> Option<Result<User, CredentialError>> {
        let Access::V3 {
            user,
            auth: Some((auth, auth_password)),
            privacy,
            ..
        } = &self.access
        else {
            return None;
        };
        let privacy = privacy
            .as_ref()
            .map(|(protocol, password)| (*protocol, password.expose()));
        let made = User::new(user, (*auth, auth_password.expose()), privacy);
        Some(made.map_err(|error| self.refused(&error)))
    }

    /// How the access is called on a page: `v2c`, `v3 authPriv` …
    pub(crate) fn level(&self) -> &'static str {
        match &self.access {
            Access::V1(_) => "v1",
            Access::V2c(_) => "v2c",
            Access::V3 { auth: None, .. } => "v3 noAuthNoPriv",
            Access::V3 { privacy: None, .. } => "v3 authNoPriv",
            Access::V3 { .. } => "v3 authPriv",
        }
    }

    fn refused(&self, error: &dyn std::fmt::Display) -> CredentialError {
        CredentialError::Refused {
            name: self.name.clone(),
            detail: error.to_string(),
        }
    }
}

fn auth_protocol(protocol: model::AuthProtocol) -> AuthProtocol {
    match protocol {
        model::AuthProtocol::Md5 => AuthProtocol::Md5,
        model::AuthProtocol::Sha1 => AuthProtocol::Sha1,
        model::AuthProtocol::Sha224 => AuthProtocol::Sha224,
        model::AuthProtocol::Sha256 => AuthProtocol::Sha256,
        model::AuthProtocol::Sha384 => AuthProtocol::Sha384,
        model::AuthProtocol::Sha512 => AuthProtocol::Sha512,
    }
}

fn privacy_protocol(protocol: model::PrivacyProtocol) -> PrivProtocol {
    match protocol {
        model::PrivacyProtocol::Des => PrivProtocol::Des,
        model::PrivacyProtocol::Aes128 => PrivProtocol::Aes128,
        model::PrivacyProtocol::Aes192 => PrivProtocol::Aes192Blumenthal,
        model::PrivacyProtocol::Aes256 => PrivProtocol::Aes256Blumenthal,
        model::PrivacyProtocol::Aes192Reeder => PrivProtocol::Aes192Reeder,
        model::PrivacyProtocol::Aes256Reeder => PrivProtocol::Aes256Reeder,
    }
}

//! Who may: the session of a request, and the check that every route of the table passes through.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::views::AccountRole;
use super::{Peer, Problem};
use crate::app::{App, Caller};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everyone; the handler looks at tokens of its own.
    Anyone,
    /// Devices with the token of a pass, which the handler checks; cookies are not looked at.
    Bearer,
    /// Whoever is signed in.
    SignedIn,
    /// Accounts of this role and of the greater ones.
    Role(AccountRole),
}

impl Access {
    /// Whether a request of this account may pass.
    pub fn allows(self, role: Option<AccountRole>) -> bool {
        match self {
            Self::Anyone | Self::Bearer => true,
            Self::SignedIn => role.is_some(),
            Self::Role(least) => role.is_some_and(|role| role >= least),
        }
    }
}

/// Name of the session's cookie: with the `__Host-` prefix a browser takes it over HTTPS only, for this host and all paths only.
pub(super) fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-nhipcau" } else { "nhipcau" }
}

/// The session's cookie, if there is exactly one: two would mean that somebody planted one.
fn cookie_of(headers: &HeaderMap, secure: bool) -> Option<&str> {
    let mut found = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == cookie_name(secure))
        .map(|(_, value)| value);
    let cookie = found.next()?;
    (found.next().is_none() && cookie.len() <= 128).then_some(cookie)
}

/// Finds out who asks, and lets the request pass or not.
pub(super) async fn require(
    State((app, access)): State<(App, Access)>,
    peer: Peer,
    mut request: Request,
    next: Next,
) -> Response {
    let cookie = cookie_of(request.headers(), peer.secure);
    let caller = match cookie.filter(|_| access != Access::Bearer) {
        Some(cookie) => match app.accounts().caller(cookie, peer.ip()).await {
            Ok(caller) => caller,
            Err(refusal) => return Problem(refusal).into_response(),
        },
        None => None,
    };
    if !access.allows(caller.as_ref().map(|caller| caller.account.role)) {
        let code = if caller.is_some() {
            "forbidden"
        } else {
            "not_signed_in"
        };
        return Problem::new(code, "this needs another account").into_response();
    }
    if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
    }
    next.run(request).await
}

/// The signed-in person of a request. On a route with [`Access::Anyone`] ask for `Option<SignedIn>`.
pub struct SignedIn(pub Caller);

impl<S: Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Caller>().cloned();
        caller
            .map(Self)
            .ok_or_else(|| Problem::new("not_signed_in", "sign in first"))
    }
}

impl<S: Sync> axum::extract::OptionalFromRequestParts<S> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Problem> {
        Ok(parts.extensions.get::<Caller>().cloned().map(Self))
    }
}

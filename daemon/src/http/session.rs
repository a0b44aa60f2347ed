//! Setup, sign-in, sign-out, and who the page's reader is.

use axum::Json;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::access::cookie_name;
use super::views::{Account, Session, SessionState, SetupInput, SignInInput};
use super::{Peer, Problem, SignedIn, Strict};
use crate::app::{App, Cookie};

fn view(app: &App, account: Option<Account>) -> Session {
    let settings = app.settings();
    let state = match &account {
        Some(_) => SessionState::SignedIn,
        None if app.accounts().is_set_up() => SessionState::Anonymous,
        None => SessionState::Setup,
    };
    Session {
        state,
        account,
        language: settings.language,
        time_zone: settings.time_zone.clone(),
        version: settings.version.to_owned(),
        lab: settings.lab,
    }
}

/// No `Max-Age`: the browser forgets it at its end, the daemon after 12 idle hours or 7 days.
fn cookie_header(peer: Peer, value: &str, ends: bool) -> Result<HeaderValue, Problem> {
    let secure = if peer.secure { "; Secure" } else { "" };
    let ends = if ends { "; Max-Age=0" } else { "" };
    let text = format!(
        "{}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{ends}",
        cookie_name(peer.secure)
    );
    HeaderValue::try_from(text).map_err(|_| Problem::new("internal", "the cookie is not a header"))
}

fn signed_in(
    app: &App,
    peer: Peer,
    (account, Cookie(cookie)): (Account, Cookie),
) -> Result<Response, Problem> {
    let mut response = Json(view(app, Some(account))).into_response();
    response
        .headers_mut()
        .insert(SET_COOKIE, cookie_header(peer, &cookie, false)?);
    Ok(response)
}

/// GET `/session`
pub(super) async fn show(State(app): State<App>, caller: Option<SignedIn>) -> Json<Session> {
    Json(view(&app, caller.map(|SignedIn(caller)| caller.account)))
}

/// POST `/setup`
pub(super) async fn set_up(
    State(app): State<App>,
    peer: Peer,
    Strict(input): Strict<SetupInput>,
) -> Result<Response, Problem> {
    let begun = app.accounts().set_up(input, peer.ip()).await?;
    signed_in(&app, peer, begun)
}

/// POST `/session`
pub(super) async fn begin(
    State(app): State<App>,
    peer: Peer,
    Strict(input): Strict<SignInInput>,
) -> Result<Response, Problem> {
    let begun = app
        .accounts()
        .sign_in(&input.username, input.password, peer.ip())
        .await?;
    signed_in(&app, peer, begun)
}

/// DELETE `/session`
pub(super) async fn end(
    State(app): State<App>,
    peer: Peer,
    SignedIn(caller): SignedIn,
) -> Result<(StatusCode, HeaderMap), Problem> {
    app.accounts().sign_out(&caller).await?;
    let mut headers = HeaderMap::new();
    headers.insert(SET_COOKIE, cookie_header(peer, "", true)?);
    Ok((StatusCode::NO_CONTENT, headers))
}

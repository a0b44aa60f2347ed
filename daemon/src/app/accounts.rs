//! Setup, sign-in, sessions and accounts.

use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};

use super::login_limit::LoginLimit;
use super::passwords::{Passwords, check_strength};
use super::random::{random_bytes, random_token, same_secret, sha256};
use super::{App, Refusal, lock};
use crate::http::views::{Account, AccountInput, AccountPatch, AccountRole, SetupInput};
use crate::store::{
    AccountChange, AccountRow, NewAccount, NewAudit, NewSession, Store, StoreError,
};

/// A session ends after this long without a request: longer than a working day's longest pause.
const IDLE: SignedDuration = SignedDuration::from_hours(12);
/// A session ends after this long in any case.
const ABSOLUTE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A session's idle end is moved at most this often: not a commit a request.
const RENEWED_EVERY: SignedDuration = SignedDuration::from_mins(1);
/// Sessions of one account at a time; the ones that would end first go.
const SESSIONS_MAX: u32 = 20;
/// Accounts of one province: 300 officials in charge of IT were counted in 2020.
const ACCOUNTS_MAX: usize = 5_000;

/// What the application keeps about signing in, in memory.
pub(super) struct State {
    setup_token: Mutex<Option<String>>,
    limit: Mutex<LoginLimit>,
    passwords: Passwords,
}

impl State {
    pub(super) async fn load(store: &Store) -> Result<Self, Refusal> {
        let token = if store.accounts().is_set_up().await? {
            None
        } else {
            Some(random_token()?)
        };
        Ok(Self {
            setup_token: Mutex::new(token),
            limit: Mutex::default(),
            passwords: Passwords::default(),
        })
    }

    pub(super) fn setup_token(&self) -> Option<String> {
        lock(&self.setup_token).clone()
    }
}

/// Who asks: a signed-in person.
#[derive(Clone)]
pub struct Caller {
    /// The account as it is now.
    pub account: Account,
    /// Where the request comes from.
    pub address: IpAddr,
    session: [u8; 32],
}

impl Caller {
    /// Whether the caller has at least this role.
    pub fn may(&self, role: AccountRole) -> bool {
        self.account.role >= role
    }
}

/// The value of a session's cookie; only its hash is kept.
pub struct Cookie(pub String);

/// People who may sign in.
pub struct AccountDesk<'a> {
    pub(super) app: &'a App,
}

fn account_of(row: AccountRow) -> Account {
    Account {
        id: row.id,
        username: row.username,
        display_name: row.display_name,
        // The column is checked; a foreign word gets the least.
        role: AccountRole::from_word(&row.role).unwrap_or(AccountRole::Viewer),
        disabled: row.disabled,
        last_seen: row.last_seen,
    }
}

fn check_username(username: &str) -> Result<(), Refusal> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_@".contains(c);
    if (2..=64).contains(&username.len()) && username.chars().all(allowed) {
        return Ok(());
    }
    Err(Refusal::new("bad_request", "2 to 64 letters, digits and . - _ @").at("username"))
}

fn check_display_name(name: &str) -> Result<(), Refusal> {
    if (1..=80).contains(&name.trim().chars().count()) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Refusal::new("bad_request", "1 to 80 characters").at("display_name"))
}

impl AccountDesk<'_> {
    fn state(&self) -> &State {
        &self.app.inner.accounts
    }

    fn attempt(&self, username: &str, address: IpAddr) -> Result<(), Refusal> {
        if lock(&self.state().limit).attempt(username, address, Instant::now()) {
            return Ok(());
        }
        Err(Refusal::new(
            "too_many_attempts",
            "wait a quarter of an hour",
        ))
    }

    /// Whether an account exists.
    pub fn is_set_up(&self) -> bool {
        lock(&self.state().setup_token).is_none()
    }

    /// Makes the first account, an admin, and signs it in.
    ///
    /// # Errors
    /// `setup_done`, `wrong_setup_token`, `too_many_attempts`, `weak_password`, `bad_request`.
    pub async fn set_up(
        &self,
        input: SetupInput,
        address: IpAddr,
    ) -> Result<(Account, Cookie), Refusal> {
        let token = self.state().setup_token();
        let token = token.ok_or_else(|| Refusal::new("setup_done", "an account exists"))?;
        self.attempt("", address)?;
        if !same_secret(&token, input.token.trim()) {
            return Err(
                Refusal::new("wrong_setup_token", "not the token that the daemon printed")
                    .at("token"),
            );
        }
        lock(&self.state().limit).forgive("", address);
        check_username(&input.username)?;
        check_display_name(&input.display_name)?;
        check_strength(&input.password, &input.username)?;
        let new = NewAccount {
            username: input.username.clone(),
            display_name: input.display_name.trim().to_owned(),
            role: AccountRole::Admin.as_str(),
            password_hash: self.state().passwords.hash(input.password).await?,
        };
        let entry = self.by_nobody(&input.username, address, "setup.done");
        let row = self.app.store().accounts().set_up(new, entry).await?;
        lock(&self.state().setup_token).take();
        self.begin_session(row, address).await
    }

    /// Signs in.
    ///
    /// # Errors
    /// `wrong_credentials` for an unknown name, a wrong password and a disabled account alike; `too_many_attempts`.
    pub async fn sign_in(
        &self,
        username: &str,
        password: String,
        address: IpAddr,
    ) -> Result<(Account, Cookie), Refusal> {
        self.attempt(username, address)?;
        let found = self.app.store().accounts().by_username(username).await?;
        let hash = found.as_ref().map(|row| row.password_hash.clone());
        let right = self.state().passwords.verify(password, hash).await?;
        match found {
            Some(row) if right && !row.disabled => {
                lock(&self.state().limit).forgive(username, address);
                self.begin_session(row, address).await
            }
            _ => {
                tracing::warn!(%address, "a sign-in with wrong credentials");
                Err(Refusal::new(
                    "wrong_credentials",
                    "unknown name or wrong password",
                ))
            }
        }
    }

    async fn begin_session(
        &self,
        row: AccountRow,
        address: IpAddr,
    ) -> Result<(Account, Cookie), Refusal> {
        let cookie = URL_SAFE_NO_PAD.encode(random_bytes::<32>()?);
        let now = self.app.now();
        let session = NewSession {
            hash: sha256(cookie.as_bytes()),
            account: row.id,
            idle_until: later(now, IDLE),
            absolute_until: later(now, ABSOLUTE),
            address: address.to_string(),
        };
        let entry = self.by_nobody(&row.username, address, "session.begun");
        self.app
            .store()
            .sessions()
            .create(session, SESSIONS_MAX, entry)
            .await?;
        Ok((
            Account {
                last_seen: Some(now),
                ..account_of(row)
            },
            Cookie(cookie),
        ))
    }

    fn by_nobody(&self, username: &str, address: IpAddr, action: &'static str) -> NewAudit {
        NewAudit {
            at: self.app.now(),
            actor: username.to_owned(),
            address: address.to_string(),
            action,
            subject: username.to_owned(),
            detail: String::new(),
        }
    }

    /// Who holds this cookie; moves the session's idle end.
    ///
    /// # Errors
    /// What the store says.
    pub async fn caller(&self, cookie: &str, address: IpAddr) -> Result<Option<Caller>, Refusal> {
        let (hash, now) = (sha256(cookie.as_bytes()), self.app.now());
        let Some(session) = self.app.store().sessions().find(hash, now).await? else {
            return Ok(None);
        };
        let idle_until = later(now, IDLE);
        if idle_until.duration_since(session.idle_until) >= RENEWED_EVERY {
            match self
                .app
                .store()
                .sessions()
                .renew(hash, now, idle_until)
                .await
            {
                Ok(()) => {}
                // Reading goes on while nothing can be written.
                Err(StoreError::Full | StoreError::Busy) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Some(Caller {
            account: account_of(session.account),
            address,
            session: hash,
        }))
    }

    /// Ends the caller's session.
    ///
    /// # Errors
    /// What the store says.
    pub async fn sign_out(&self, caller: &Caller) -> Result<(), Refusal> {
        Ok(self.app.store().sessions().delete(caller.session).await?)
    }

    /// All accounts.
    ///
    /// # Errors
    /// What the store says.
    pub async fn list(&self) -> Result<Vec<Account>, Refusal> {
        let rows = self.app.store().accounts().list().await?;
        Ok(rows.into_iter().map(account_of).collect())
    }

    /// Makes an account.
    ///
    /// # Errors
    /// `duplicate`, `weak_password`, `bad_request`.
    pub async fn create(&self, caller: &Caller, input: AccountInput) -> Result<Account, Refusal> {
        check_username(&input.username)?;
        check_display_name(&input.display_name)?;
        check_strength(&input.password, &input.username)?;
        if self.app.store().accounts().list().await?.len() >= ACCOUNTS_MAX {
            return Err(Refusal::new("too_large", "no more accounts"));
        }
        let entry = self.app.audited(
            caller,
            "account.created",
            &input.username,
            input.role.as_str(),
        );
        let new = NewAccount {
            username: input.username,
            display_name: input.display_name.trim().to_owned(),
            role: input.role.as_str(),
            password_hash: self.state().passwords.hash(input.password).await?,
        };
        let row = self.app.store().accounts().create(new, entry).await;
        Ok(account_of(row.map_err(|error| match error {
            StoreError::Duplicate(_) => {
                Refusal::new("duplicate", "the username is taken").at("username")
            }
            error => error.into(),
        })?))
    }

    /// Changes an account: an admin any, everyone else only the own password.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `weak_password`, `bad_request`.
    pub async fn update(
        &self,
        caller: &Caller,
        id: i64,
        patch: AccountPatch,
    ) -> Result<Account, Refusal> {
        let own = id == caller.account.id;
        let only_password =
            patch.display_name.is_none() && patch.role.is_none() && patch.disabled.is_none();
        let changes_own_password = own && only_password && patch.password.is_some();
        if !caller.may(AccountRole::Admin) && !changes_own_password {
            return Err(Refusal::new("forbidden", "only the own password"));
        }
        let row = self.app.store().accounts().find(id).await?;
        if let Some(name) = &patch.display_name {
            check_display_name(name)?;
        }
        let mut changed = Vec::new();
        let mut change = AccountChange {
            display_name: patch.display_name.map(|name| name.trim().to_owned()),
            role: patch.role.map(AccountRole::as_str),
            disabled: patch.disabled,
            keep_session: own.then_some(caller.session),
            ..AccountChange::default()
        };
        if let Some(password) = patch.password {
            check_strength(&password, &row.username)?;
            change.password_hash = Some(self.state().passwords.hash(password).await?);
            changed.push("password".to_owned());
        }
        changed.extend(
            change
                .display_name
                .as_ref()
                .map(|_| "display_name".to_owned()),
        );
        changed.extend(change.role.map(|role| format!("role={role}")));
        changed.extend(
            change
                .disabled
                .map(|disabled| format!("disabled={disabled}")),
        );
        let entry = self
            .app
            .audited(caller, "account.changed", &row.username, changed.join(" "));
        Ok(account_of(
            self.app
                .store()
                .accounts()
                .update(id, change, entry)
                .await?,
        ))
    }

    /// Deletes an account.
    ///
    /// # Errors
    /// `not_found`; `forbidden` for the last admin.
    pub async fn delete(&self, caller: &Caller, id: i64) -> Result<(), Refusal> {
        let row = self.app.store().accounts().find(id).await?;
        let entry = self
            .app
            .audited(caller, "account.deleted", row.username, "");
        Ok(self.app.store().accounts().delete(id, entry).await?)
    }
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

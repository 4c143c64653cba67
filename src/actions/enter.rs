//! The one way to a session, whatever the proof.

use super::devices;
use super::sign_in::leave;
use crate::app::App;
use crate::error::{Error, Result};
use crate::http::action::{Done, Visit};
use crate::http::session::{self, Kept};
use crate::mail::AccountEvent;
use crate::services::account_notices::tell;
use crate::services::audit::Act;
use crate::services::cart::{self, CartToken};
use crate::services::half_sign_ins::{self, HalfToken};
use crate::services::second_factors::{self, Accepted, Code, Try};
use crate::services::sessions::{self, Begun, Device, SessionToken};
use crate::services::{accounts, alarms};
use sqlx::PgConnection;
use templates::paths;
use uuid::Uuid;

/// Someone who has proven who they are, in whatever way.
pub struct Proven {
    /// Whose account it is.
    pub account: Uuid,
    /// The address they came with: on this device, guesses at it count apart from now on.
    pub email: String,
    /// The path they wanted to go to; anything that is none of ours leads to their own first page.
    pub next: String,
    /// How.
    pub by: By,
}

/// By how much they have proven it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// One factor. Where the account has a second one, that is asked for next.
    One(half_sign_ins::Proof),
    /// Two: a passkey, or a code after something else.
    Two,
}

/// What a proof has led to.
enum Entered {
    Half,
    Whole(Proven, Begun),
}

/// The one way to a session, whatever the proof: `prove` runs in the transaction that begins it. The session that this
/// browser had before is over, so an id that somebody planted is worth nothing. Whoever has shown one factor, and has
/// two, gets no session: they are asked for the other. Whose device is new is told so by mail.
pub async fn enter(
    visit: &Visit<'_>,
    prove: impl AsyncFnOnce(&mut PgConnection) -> Result<Proven>,
) -> Result<Done> {
    let Visit { app, request, .. } = visit;
    let (token, half) = (SessionToken::new(app.clock.random()), HalfToken::new(app.clock.random()));
    let before = session::token(&app.config, request);
    let from = session::seen_from(&app.config, request);
    let cart =
        session::kept(&app.config, request, Kept::Cart).as_deref().and_then(CartToken::parse);
    let entered = app.write(async |tx| {
        if let Some(before) = &before {
            leave(visit, &mut *tx, before).await?;
        }
        let proven = prove(&mut *tx).await?;
        if let By::One(proof) = proven.by
            && second_factors::is_asked_for(tx, proven.account).await?
        {
            half_sign_ins::begin(tx, &half, proven.account, proof, &proven.next).await?;
            return Ok(Entered::Half);
        }
        let twice = proven.by == By::Two;
        let begun = sessions::begin(&mut *tx, proven.account, &token, &from, twice).await?;
        if let Some(cart) = &cart {
            cart::hand_over(&mut *tx, cart, proven.account).await?;
        }
        visit.note(&mut *tx, proven.account, Act::SignedIn.on("staff", proven.account)).await?;
        welcome(visit, tx, &proven, &from).await?;
        Ok(Entered::Whole(proven, begun))
    });
    let entered = entered.await?;
    let end_half = session::forget(&app.config, request, Kept::HalfWay);
    match &entered.value {
        Entered::Half => {
            let lifetime = half_sign_ins::LIFETIME;
            let half = session::keep(&app.config, request, Kept::HalfWay, half.reveal(), lifetime);
            let done = Done::at(entered.map(|_| paths::sign_in_code()));
            Ok(done.with(session::end(&app.config, request)).with(half))
        }
        Entered::Whole(proven, begun) => {
            let whereto = whereto(app, proven, begun);
            let device = devices::remember(app, &proven.email);
            let device = session::remember_device(&app.config, request, device);
            let begun = session::begin(&app.config, request, &token, begun.lifetime);
            let done = Done::at(entered.map(|_| whereto));
            let done = done.with(begun).with(device).with(end_half);
            let end_cart = cart.map(|_| session::forget(&app.config, request, Kept::Cart));
            Ok(end_cart.into_iter().fold(done, Done::with))
        }
    }
}

/// Tells the mailbox of an account that somebody was let in on a device that is new. The first time is no news, nor is it for
/// whoever comes from that mailbox.
async fn welcome(
    visit: &Visit<'_>,
    tx: &mut PgConnection,
    proven: &Proven,
    from: &Device,
) -> Result<()> {
    let was_here = accounts::entered(&mut *tx, proven.account).await?;
    let is_from_mailbox = proven.by == By::One(half_sign_ins::Proof::Mail);
    if !was_here || is_from_mailbox || devices::is_at_home(visit, &proven.email) {
        return Ok(());
    }
    alarms::raise(tx, visit.app.clock.id(), proven.account, devices::alarm(from)).await
}

/// Where they go on: where they wanted to, unless a second factor is to be set up first.
fn whereto(app: &App, proven: &Proven, begun: &Begun) -> String {
    let asked_of = app.config.two_factors_of;
    if proven.by != By::Two && begun.role.is_some_and(|role| role.needs_two_factors(asked_of)) {
        return paths::two_factor();
    }
    let own = if begun.role.is_some() { paths::admin() } else { paths::account() };
    own_path(&proven.next).unwrap_or(own)
}

/// A code that somebody has typed, counted and not looked at yet.
pub struct Typed {
    code: Code,
    one: Try,
}

/// Reads and counts it.
///
/// # Errors
/// [`Error::Invalid`] where it can be none, [`Error::TooMany`]. Whose account it is learns of the latter, once a day: whoever
/// types codes has the password, or the mailbox.
pub async fn typed(visit: &Visit<'_>, account: Uuid, email: &str, text: &str) -> Result<Typed> {
    let Visit { app, request, .. } = visit;
    let code = Code::parse(text)?;
    let device = devices::known(app, request, &email.to_lowercase()).unwrap_or_default();
    let typed = Typed { code, one: Try { id: app.clock.id(), account, device } };
    if let Code::Recovery(_) = typed.code {
        return Ok(typed); // nobody can guess one
    }
    let counted = app.write(async |tx| {
        let wait = second_factors::count(&mut *tx, &typed.one).await?;
        if wait.is_some() {
            let once = format!("codes refused:{account}:{}", app.clock.now().date());
            tell(tx, app.clock.id(), account, AccountEvent::CodesRefused, Some(once)).await?;
        }
        Ok(wait)
    });
    match counted.await?.value {
        Some(wait) => Err(Error::TooMany { retry_after_seconds: wait.as_secs() + 1 }),
        None => Ok(typed),
    }
}

impl Typed {
    /// Takes the code. Whose account it is learns that a recovery code is gone.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub async fn accept(&self, app: &App, db: &mut PgConnection) -> Result<Accepted> {
        let (keys, now) = (&app.secrets, app.clock.now());
        let accepted = second_factors::accept(&mut *db, keys, &self.one, &self.code, now).await?;
        if let Accepted::Recovery { left } = accepted {
            let event = AccountEvent::RecoveryCodeUsed { left };
            tell(db, app.clock.id(), self.one.account, event, None).await?;
        }
        Ok(accepted)
    }
}

/// `next` if it is a path of our own: anything a browser might take for another host is not. Nor is a way in: whoever
/// goes on is in.
pub fn own_path(next: &str) -> Option<String> {
    let own = next.starts_with('/')
        && !next.starts_with("//")
        && !next.starts_with("/sign-in")
        && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    own.then(|| next.to_owned())
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn only_our_own_paths_are_gone_on_to() {
        assert_eq!(own_path("/admin/leads?status=new").as_deref(), Some("/admin/leads?status=new"));
        for elsewhere in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/a\r\nb",
            "admin",
            "/sign-in/code",
        ] {
            assert_eq!(own_path(elsewhere), None, "{elsewhere:?}");
        }
    }
}

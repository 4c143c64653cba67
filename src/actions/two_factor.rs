//! What members do with their second factor.

use super::enter::{self, Typed};
use crate::error::{Error, Result};
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::endpoint::Nothing;
use crate::http::limit::Limit;
use crate::http::session::{self, Kept};
use crate::mail::AccountEvent;
use crate::pages::two_factor as pages;
use crate::policies::{self, Recently};
use crate::services::account_notices::tell;
use crate::services::enrolment::{self, Sealer, SettingUp, Sheet};
use crate::services::input::{self, Valid};
use crate::services::recent::Recent;
use crate::services::second_factors::{self, New, RECOVERY_CODES, RecoveryCode, Secret};
use crate::services::sessions::{Member, SessionToken};
use crate::services::{accounts, passkeys};
use crate::tags::Dependencies;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::{Flash, FormState, View, paths};
use validator::Validate;

/// `/account/two-factor/begin`
pub struct Begin;

impl Gate for Begin {
    const PATH: &'static str = "/account/two-factor/begin";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = Recently<policies::Member>;
}

impl Action for Begin {
    type At = ();
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    /// Nothing is stored: the browser keeps the secret, sealed, until a code has shown that the app has it.
    async fn run(
        visit: &Visit<'_>,
        who: &Recent<Member>,
        (): &(),
        _: Valid<Nothing>,
    ) -> Result<Done> {
        let Visit { app, request, .. } = visit;
        let kept = sealer(visit, who).setting_up(&Secret::new(app.clock.random()));
        let (what, lifetime) = (Kept::SettingUp, enrolment::SETTING_UP);
        let kept = session::keep(&app.config, request, what, kept, lifetime);
        Ok(visit.once(async |_| Ok(paths::two_factor_set_up())).await?.with(kept))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Recent<Member>,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        pages::view(db, who, false, state).await
    }
}

fn sealer<'a>(visit: &'a Visit<'_>, who: &'a Member) -> Sealer<'a> {
    let clock = &visit.app.clock;
    Sealer { keys: &visit.app.secrets, who, at: clock.now(), nonce: clock.random() }
}

/// `/account/two-factor/set-up`
pub struct SetUp;

/// A code, as it is typed.
#[derive(Deserialize, Validate)]
pub struct Code {
    #[serde(default, deserialize_with = "input::line")]
    #[validate(length(max = 100, message = "This is too long for a code."))]
    pub(super) code: String,
}

impl Gate for SetUp {
    const PATH: &'static str = "/account/two-factor/set-up";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = policies::SettingUp;
}

impl Action for SetUp {
    type At = ();
    type Form = Code;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        setting_up: &SettingUp,
        (): &(),
        form: Valid<Code>,
    ) -> Result<Done> {
        let Visit { app, request, .. } = visit;
        let (who, secret) = (setting_up.member(), setting_up.secret());
        let step = match second_factors::Code::parse(&form.code) {
            Ok(second_factors::Code::App(digits)) => secret.step_of(&digits, app.clock.now()),
            _ => None,
        };
        let Some(step) = step else {
            let message = "This is not the code of this picture. Type the one that the app shows now; if it never fits, see whether your phone's clock is right.";
            return Err(Error::field("code", message));
        };
        let (codes, token) = (recovery_codes(visit), SessionToken::new(app.clock.random()));
        let (id, nonce) = (app.clock.id(), app.clock.random());
        let new = New { secret, nonce, step, recovery_codes: &codes, token: &token };
        let mut left = None;
        let done = visit.once(async |tx| {
            left = Some(second_factors::turn_on(tx, &app.secrets, who, &new).await?);
            tell(tx, id, who.id(), AccountEvent::SecondFactorOn, None).await?;
            Ok(paths::recovery_codes())
        });
        let done = done.await?.saying(Flash::SecondFactorOn);
        // A form that arrives again has no effect, and its codes are nobody's.
        let Some(left) = left else { return Ok(done) };
        let done = done.with(session::begin(&app.config, request, &token, left));
        let done = done.with(session::forget(&app.config, request, Kept::SettingUp));
        Ok(done.with(shown(visit, who, &codes)))
    }

    async fn page(
        db: &mut PgConnection,
        setting_up: &SettingUp,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        pages::set_up(db, setting_up, state).await
    }
}

fn recovery_codes(visit: &Visit<'_>) -> [RecoveryCode; RECOVERY_CODES] {
    std::array::from_fn(|_| RecoveryCode::new(visit.app.clock.random()))
}

/// Has the browser keep them while they are shown.
fn shown(
    visit: &Visit<'_>,
    who: &Member,
    codes: &[RecoveryCode],
) -> actix_web::cookie::Cookie<'static> {
    let sealed = sealer(visit, who).recovery_codes(codes);
    let config = &visit.app.config;
    session::keep(config, visit.request, Kept::RecoveryCodes, sealed, enrolment::SHOWN)
}

/// `/account/two-factor/codes`: "I have kept them"
pub struct KeptCodes;

impl Gate for KeptCodes {
    const PATH: &'static str = "/account/two-factor/codes";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = policies::ShownCodes;
}

impl Action for KeptCodes {
    type At = ();
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, _: &Sheet, (): &(), _: Valid<Nothing>) -> Result<Done> {
        let kept = session::forget(&visit.app.config, visit.request, Kept::RecoveryCodes);
        Ok(visit.once(async |_| Ok(paths::two_factor())).await?.with(kept))
    }

    async fn page(
        _: &mut PgConnection,
        sheet: &Sheet,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        Ok(templates::two_factor::recovery_codes(&sheet.codes(), state))
    }
}

/// What shows once more that it is they: the password, or a code.
#[derive(Deserialize, Validate)]
pub struct Again {
    #[serde(default)]
    current_password: String,
    #[serde(flatten)]
    #[validate(nested)]
    code: Code,
}

/// Judges it. A code is only looked at by [`Typed::accept`], in the transaction that has the effect.
async fn once_more(visit: &Visit<'_>, who: &Member, form: &Again) -> Result<Option<Typed>> {
    let Visit { app, request, .. } = visit;
    let (email, stored) = app
        .read(async |db| {
            let profile = accounts::profile(&mut *db, who).await?;
            Ok((profile.email, accounts::password_hash(db, who).await?))
        })
        .await?;
    if stored.is_some() && !form.current_password.is_empty() {
        app.guesses.count(app, request, &email.to_lowercase()).await?;
        return match app.passwords.verify(&form.current_password, stored).await? {
            true => Ok(None),
            false => Err(Error::field("current_password", "This is not your password.")),
        };
    }
    enter::typed(visit, who.id(), &email, &form.code.code).await.map(Some)
}

/// `/account/two-factor/codes/new`
pub struct NewCodes;

impl Gate for NewCodes {
    const PATH: &'static str = "/account/two-factor/codes/new";
    const LIMIT: Limit = Limit::per_quarter_hour(20);
    type Auth = policies::Member;
}

impl Action for NewCodes {
    type At = ();
    type Form = Again;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, who: &Member, (): &(), form: Valid<Again>) -> Result<Done> {
        let typed = once_more(visit, who, &form).await?;
        let (codes, app) = (recovery_codes(visit), visit.app);
        let mut made = false;
        let done = visit.once(async |tx| {
            if let Some(typed) = &typed {
                typed.accept(app, &mut *tx).await?;
            }
            second_factors::renew_recovery_codes(&mut *tx, who.id(), &codes).await?;
            let event = AccountEvent::RecoveryCodesMade;
            tell(tx, app.clock.id(), who.id(), event, None).await?;
            made = true;
            Ok(paths::recovery_codes())
        });
        let done = done.await?.saying(Flash::RecoveryCodesMade);
        Ok(if made { done.with(shown(visit, who, &codes)) } else { done })
    }

    async fn page(
        db: &mut PgConnection,
        who: &Member,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let has_password = accounts::profile(db, who).await?.has_password;
        Ok(templates::two_factor::new_recovery_codes(has_password, state))
    }
}

/// `/account/two-factor/off`
pub struct TurnOff;

impl Gate for TurnOff {
    const PATH: &'static str = "/account/two-factor/off";
    const LIMIT: Limit = Limit::per_quarter_hour(20);
    type Auth = policies::Member;
}

impl Action for TurnOff {
    type At = ();
    type Form = Again;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, who: &Member, (): &(), form: Valid<Again>) -> Result<Done> {
        let typed = once_more(visit, who, &form).await?;
        let app = visit.app;
        let needed = who.must_have_two(app.config.two_factors_of);
        let done = visit.once(async |tx| {
            accounts::lock(&mut *tx, who.id()).await?;
            if needed && !passkeys::has_any(&mut *tx, who.id()).await? {
                let message =
                    "This site asks a second factor of you. Add a passkey first, then turn this one off.";
                return Err(Error::field("", message));
            }
            if let Some(typed) = &typed {
                typed.accept(app, &mut *tx).await?;
            }
            if second_factors::turn_off(&mut *tx, who.id()).await? {
                let event = AccountEvent::SecondFactorOff;
                tell(tx, app.clock.id(), who.id(), event, None).await?;
            }
            Ok(paths::two_factor())
        });
        Ok(done.await?.saying(Flash::SecondFactorOff))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Member,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let has_password = accounts::profile(db, who).await?.has_password;
        Ok(templates::two_factor::off(has_password, state))
    }
}

//! Whoever is on the way to, or through, a second factor.

use super::{Knock, Member, Policy, who};
use crate::error::{Error, Result};
use crate::http::session::{self, Kept};
use crate::services::enrolment;
use crate::services::half_sign_ins::{self, HalfToken};
use templates::Who;

/// Someone who has signed in by half. It is no session: nobody else asks for it.
pub struct HalfWay;

impl Policy for HalfWay {
    const NAME: &'static str = "anyone half signed in";
    const AMBIENT: bool = true;
    type Grant = half_sign_ins::HalfWay;
    type Outcome<T> = T;

    async fn admit(knock: &Knock<'_>) -> Result<half_sign_ins::HalfWay> {
        let kept = session::kept(&knock.app.config, knock.request, Kept::HalfWay);
        let refused = Error::Unproven("Sign in first.");
        let Some(token) = kept.and_then(|kept| HalfToken::parse(&kept)) else {
            return Err(refused);
        };
        let half = knock.app.ask(async |db| half_sign_ins::resume(db, &token).await).await?;
        half.ok_or(refused)
    }
}

/// A member whose browser keeps the second factor that they are setting up.
pub struct SettingUp;

impl Policy for SettingUp {
    const NAME: &'static str = "a member, setting up a second factor";
    const AMBIENT: bool = true;
    type Grant = enrolment::SettingUp;
    type Outcome<T> = T;

    async fn admit(knock: &Knock<'_>) -> Result<enrolment::SettingUp> {
        let Knock { app, request } = knock;
        let member = Member::admit(knock).await?;
        let kept = session::kept(&app.config, request, Kept::SettingUp).unwrap_or_default();
        let (now, site) = (app.clock.now(), &app.config.site_name);
        let setting_up = enrolment::SettingUp::of(&app.secrets, member, now, &kept, site);
        setting_up
            .ok_or(Error::Over("This has taken too long. Begin again, on your account's page."))
    }

    fn who(setting_up: &enrolment::SettingUp) -> Option<Who<'_>> {
        Some(who(setting_up.member()))
    }
}

/// A member whose browser keeps the recovery codes that they are shown.
pub struct ShownCodes;

impl Policy for ShownCodes {
    const NAME: &'static str = "a member, shown recovery codes";
    const AMBIENT: bool = true;
    type Grant = enrolment::Sheet;
    type Outcome<T> = T;

    async fn admit(knock: &Knock<'_>) -> Result<enrolment::Sheet> {
        let Knock { app, request } = knock;
        let member = Member::admit(knock).await?;
        let kept = session::kept(&app.config, request, Kept::RecoveryCodes).unwrap_or_default();
        let sheet = enrolment::Sheet::of(&app.secrets, member, app.clock.now(), &kept);
        sheet.ok_or(Error::Over(
            "Recovery codes are shown once, for ten minutes. If you have not kept them, make new ones.",
        ))
    }

    fn who(sheet: &enrolment::Sheet) -> Option<Who<'_>> {
        Some(who(sheet.member()))
    }
}

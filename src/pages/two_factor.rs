//! The second factor of a member: how it stands, the picture for an app, and the recovery codes.

use crate::app::App;
use crate::error::{Error, Result};
use crate::http::Gate;
use crate::http::download::{Download, File};
use crate::http::limit::Limit;
use crate::http::page::{Context, LivePage};
use crate::pages::admin::Ignored;
use crate::policies;
use crate::services::enrolment::{SettingUp, Sheet};
use crate::services::sessions::Member;
use crate::services::{accounts, second_factors};
use qrcode::{Color, EcLevel, QrCode};
use sqlx::PgConnection;
use templates::two_factor::{On, Picture, SecondFactor};
use templates::{FormState, View};

/// `/account/two-factor`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/account/two-factor";
    const LIMIT: Limit = Limit::per_minute(120);
    type Auth = policies::Member;
}

impl LivePage for Show {
    type At = ();
    type Query = Ignored;

    async fn view(
        db: &mut PgConnection,
        who: &Member,
        (): &(),
        _: &Ignored,
        context: &Context<'_>,
    ) -> Result<View> {
        let owed = who.owes_a_factor(context.app.config.two_factors_of);
        view(db, who, owed, &context.blank).await
    }
}

/// The page, with what was wrong with a form on it. `owed`: whether whoever sees it gets no further without.
///
/// # Errors
/// As any statement.
pub async fn view(
    db: &mut PgConnection,
    who: &Member,
    owed: bool,
    state: &FormState,
) -> Result<View> {
    let on = second_factors::state(db, who.id()).await?;
    let on = on.map(|on| On { since: on.since, recovery_codes: on.recovery_codes });
    let factor = SecondFactor { on, owed, recent: who.is_recent() };
    Ok(templates::two_factor::page(&factor, state))
}

/// What an app is told.
///
/// # Errors
/// As any statement.
pub async fn set_up(
    db: &mut PgConnection,
    setting_up: &SettingUp,
    state: &FormState,
) -> Result<View> {
    let email = accounts::profile(db, setting_up.member()).await?.email;
    let secret = setting_up.secret();
    let address = secret.address(setting_up.site(), &email)?;
    let picture = picture(&address)?;
    Ok(templates::two_factor::set_up(&picture, &secret.text(), &address, state))
}

/// A text as a picture that apps read: a stroke for each run of dark squares.
fn picture(text: &str) -> Result<Picture> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)
        .map_err(|error| Error::Internal(error.into()))?;
    let (width, squares) = (code.width(), code.to_colors());
    let mut path = String::new();
    for (y, row) in squares.chunks(width).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|one, next| one == next) {
            if run[0] == Color::Dark {
                path.push_str(&format!("M{x} {y}h{0}v1h-{0}z", run.len()));
            }
            x += run.len();
        }
    }
    Ok(Picture { width, path })
}

/// `/account/two-factor/codes`
pub struct Codes;

impl Gate for Codes {
    const PATH: &'static str = "/account/two-factor/codes";
    const LIMIT: Limit = Limit::per_minute(120);
    type Auth = policies::ShownCodes;
}

impl LivePage for Codes {
    type At = ();
    type Query = Ignored;

    async fn view(
        _: &mut PgConnection,
        sheet: &Sheet,
        (): &(),
        _: &Ignored,
        context: &Context<'_>,
    ) -> Result<View> {
        Ok(templates::two_factor::recovery_codes(&sheet.codes(), &context.blank))
    }
}

/// `/account/two-factor/codes.txt`
pub struct CodesFile;

impl Gate for CodesFile {
    const PATH: &'static str = "/account/two-factor/codes.txt";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::ShownCodes;
}

impl Download for CodesFile {
    type At = ();

    async fn file(app: &App, sheet: &Sheet, (): &()) -> Result<File> {
        let text =
            templates::two_factor::recovery_codes_text(&app.config.site_name, &sheet.codes());
        Ok(File { name: "recovery-codes.txt", kind: "text/plain; charset=utf-8", text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_a_stroke_for_each_run_of_dark_squares() {
        let Picture { width, path } = picture("otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ").unwrap();
        let mut drawn = vec![Color::Light; width * width];
        for stroke in path.split_terminator('z') {
            let (at, rest) = stroke.trim_start_matches('M').split_once('h').unwrap();
            let (x, y) = at.split_once(' ').unwrap();
            let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
            let run: usize = rest.split_once('v').unwrap().0.parse().unwrap();
            drawn[y * width + x..][..run].fill(Color::Dark);
        }
        let code = QrCode::with_error_correction_level(
            "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ",
            EcLevel::M,
        );
        assert_eq!(drawn, code.unwrap().to_colors());
    }
}

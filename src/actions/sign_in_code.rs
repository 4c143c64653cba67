//! The second step of a sign-in, for whoever has a second factor.

use super::enter::{self, By, Proven, enter};
use super::two_factor::Code;
use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::limit::Limit;
use crate::policies;
use crate::services::half_sign_ins::{self, HalfWay, Proof};
use crate::services::input::Valid;
use crate::services::second_factors::Accepted;
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::{Flash, FormState, View, two_factor};

/// `/sign-in/code`
pub struct EnterCode;

impl Gate for EnterCode {
    const PATH: &'static str = "/sign-in/code";
    const LIMIT: Limit = Limit::per_minute(30).everywhere();
    type Auth = policies::HalfWay;
}

impl Action for EnterCode {
    type At = ();
    type Form = Code;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, half: &HalfWay, (): &(), form: Valid<Code>) -> Result<Done> {
        let app = visit.app;
        let (account, email) = (half.account(), half.email().to_lowercase());
        let typed = enter::typed(visit, account, &email, &form.code).await?;
        let mut by_recovery_code = false;
        let entered = enter(visit, async |tx| {
            half_sign_ins::take(&mut *tx, half).await?;
            let accepted = typed.accept(app, tx).await?;
            by_recovery_code = matches!(accepted, Accepted::Recovery { .. });
            Ok(Proven { account, email, next: half.next().to_owned(), by: By::Two })
        });
        let entered = entered.await?;
        Ok(if by_recovery_code { entered.saying(Flash::RecoveryCodeUsed) } else { entered })
    }

    async fn page(
        _: &mut PgConnection,
        half: &HalfWay,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let proven = match half.proof() {
            Proof::Password => two_factor::Proven::Password,
            Proof::Mail => two_factor::Proven::Mail,
            Proof::Provider => two_factor::Proven::Provider,
        };
        Ok(two_factor::ask(proven, half.email(), half.next(), state))
    }
}

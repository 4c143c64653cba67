//! The first start: an owner, and a site to look at.

use crate::app::App;
use crate::error::Result;
use crate::policies::Operator;
use crate::services::audit::{self, Act, By};
use crate::services::input::Valid;
use crate::services::staff::{NewStaff, Role};
use crate::services::{demo, staff};

/// How to sign in, to be shown once.
#[derive(Debug)]
pub struct Owner {
    /// The address.
    pub email: String,
    /// The password, where it was generated; none where the operator chose it.
    pub password: Option<String>,
}

/// Makes the owner's account and the demo site where nobody runs this site yet; otherwise does nothing. `tell` is told how
/// to sign in before that is settled, so that it cannot get lost.
///
/// # Errors
/// [`Error::Invalid`](crate::Error::Invalid) where `OWNER_EMAIL` or `OWNER_PASSWORD` will not do.
pub async fn first_start(app: &App, tell: impl FnOnce(&Owner)) -> Result<()> {
    let first = app.write(async |tx| staff::is_first_start(tx).await).await?;
    if !first.value {
        return Ok(());
    }
    let generated = app.clock.letters(20);
    let chosen = app.config.owner_password.clone();
    let owner = Valid::check(NewStaff {
        email: app.config.owner_email.clone(),
        name: "Owner".to_owned(),
        password: chosen.clone().unwrap_or_else(|| generated.clone()),
    })?;
    let hash = app.passwords.hash(&app.clock, &owner.password).await?;
    let operator = Operator::at_the_shell();
    let made = app.write(async |tx| {
        if !staff::is_first_start(&mut *tx).await? {
            return Ok(()); // another instance was quicker
        }
        let id = app.clock.id();
        staff::create(&mut *tx, &operator, id, &owner, Role::Owner, &hash).await?;
        let line = Act::StaffAdded.on("staff", id).with("role", Role::Owner.as_str());
        audit::write(&mut *tx, app.clock.id(), By::Operator(&operator), line).await?;
        if app.config.demo_content {
            demo::fill(tx, &operator, || app.clock.id()).await?;
        }
        let password = chosen.is_none().then_some(generated);
        tell(&Owner { email: owner.email.clone(), password });
        Ok(())
    });
    let _ = made.await?;
    Ok(())
}

//! `frontdesk product …`

use super::output::{Output, Refused};
use super::record::record;
use crate::app::App;
use crate::policies::Operator;
use crate::services::audit::Act;
use crate::services::input::Valid;
use crate::services::products::{self, Draft, Keeper, Kind, Stored};
use clap::{Args, Subcommand};
use serde_json::json;

/// What can be done with products.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Put something new into the shop.
    Add(Add),
    /// List all of them.
    List,
    /// Say how many there are of one, those that were sold included.
    Stock {
        /// Which.
        slug: String,
        /// How many.
        stock: i32,
    },
    /// Take one out of the shop. What was ordered of it stays so.
    Retire {
        /// Which.
        slug: String,
    },
    /// Have it be bought again.
    Offer {
        /// Which.
        slug: String,
    },
}

/// A product to be added.
#[derive(Debug, Args)]
pub struct Add {
    /// What it is called.
    #[arg(long)]
    title: String,
    /// Its place in the address; made from what it is called where none is given.
    #[arg(long)]
    slug: Option<String>,
    /// What it is, in Markdown.
    #[arg(long, default_value = "")]
    text: String,
    /// What kind of thing.
    #[arg(long, value_enum, default_value = "goods")]
    kind: Kind,
    /// What one costs, as in 24.50.
    #[arg(long)]
    price: String,
    /// Of what.
    #[arg(long, default_value = "eur")]
    currency: String,
    /// How many there are.
    #[arg(long)]
    stock: u32,
    /// When it happens, as in 2027-01-31T09:00:00Z.
    #[arg(long)]
    happens_at: Option<String>,
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// What the service says.
    pub async fn run(self, app: &App, output: &Output) -> Result<(), Refused> {
        let operator = Operator::at_the_shell();
        match self {
            Self::Add(add) => {
                let draft = Valid::check(Draft {
                    title: add.title.trim().to_owned(),
                    slug: add.slug,
                    text: add.text.trim().to_owned(),
                    kind: add.kind,
                    price: add.price,
                    currency: add.currency,
                    stock: add.stock.to_string(),
                    happens_at: add.happens_at,
                    active: true,
                    version: None,
                })?;
                let id = app.clock.id();
                let stored = record(app, &operator, async |tx| {
                    let by = Keeper::Operator(&operator);
                    products::add(tx, &by, id, &draft).await?;
                    Ok((products::stored(tx, &by, id).await?, Act::ProductAdded.on("product", id)))
                });
                let stored = stored.await?;
                output.print(&stored, || line(&stored))
            }
            Self::List => {
                let found =
                    app.read(async |db| products::all(db, &Keeper::Operator(&operator)).await);
                let found = found.await?;
                output.print(&found, || found.iter().map(line).collect())
            }
            Self::Stock { slug, stock } => {
                let id = record(app, &operator, async |tx| {
                    let id = products::set_stock(tx, &operator, &slug, stock).await?;
                    Ok((id, Act::StockSet.on("product", id).with("stock", stock)))
                });
                let shown = json!({ "id": id.await?, "slug": slug, "stock": stock });
                output.print(&shown, || match stock {
                    1 => "There is 1 of it.\n".to_owned(),
                    stock => format!("There are {stock} of it.\n"),
                })
            }
            Self::Retire { slug } => offer(app, output, &operator, &slug, false).await,
            Self::Offer { slug } => offer(app, output, &operator, &slug, true).await,
        }
    }
}

async fn offer(
    app: &App,
    output: &Output,
    operator: &Operator,
    slug: &str,
    active: bool,
) -> Result<(), Refused> {
    record(app, operator, async |tx| {
        let product = products::offer(tx, operator, slug, active).await?;
        Ok(((), Act::ProductEdited.on("product", product).with("offered", active)))
    })
    .await?;
    output.done(if active { "It can be bought." } else { "It can be bought no more." })
}

fn line(product: &Stored) -> String {
    let money = templates::format::money(product.amount, &product.currency);
    let Stored { slug, left, stock, title, .. } = product;
    let state = if product.active { "" } else { " (cannot be bought)" };
    format!("{slug:<24}  {money:>12}  {left} of {stock} left  {title}{state}\n")
}

//! Mail about what somebody has bought, to them and to owners.

use super::{Letter, Person, link};
use crate::app::App;
use crate::services::orders::{self, Buying, Order, Status};
use crate::services::subscribers::Holder;
use templates::mail::{self as template, Part};
use templates::{format, paths};

/// What a buyer is told of an order, as it stands by now; none where nothing was paid, or nobody is left to get it.
pub(super) fn receipt(app: &App, order: Order) -> Option<Letter> {
    let site = &app.config.site_name;
    let back = format::money(order.refunded, &order.currency);
    let (subject, mut words) = match (order.status, &order.remark) {
        (Status::Refunded, _) if order.refunded < order.amount => {
            let went = (order.refunded > 0).then(|| format!("{back} of it went back to you."));
            ("Your money could not be given back yet", went.unwrap_or_default())
        }
        (Status::Refunded, _) => {
            ("Your money is on its way back", format!("{back} of your order went back to you."))
        }
        (Status::Paid, _) if order.is_taken_back => (
            "Your bank has taken the payment back",
            "So this is not paid for at the moment.".to_owned(),
        ),
        (Status::Paid, Some(remark)) if order.is_stuck => {
            ("Your payment came too late", remark.clone())
        }
        (Status::Paid, Some(remark)) => {
            ("Your payment came too late", format!("{remark} The money goes back."))
        }
        (Status::Paid, None) if order.is_stuck => {
            ("Some of your money could not be given back yet", String::new())
        }
        (Status::Paid, None) if order.refunded > 0 => (
            "Some of your money is on its way back",
            format!("{back} of your order went back to you."),
        ),
        (Status::Paid, None) => {
            ("Your order", "Thank you! This is paid for, and yours.".to_owned())
        }
        (Status::Expired, Some(remark)) => ("Your payment did not arrive", remark.clone()),
        _ => return None,
    };
    if order.is_stuck {
        words = format!("{words} {}", orders::STUCK).trim().to_owned();
    }
    let mut facts = vec![("Order".to_owned(), orders::number(order.id))];
    facts.extend(order.lines.iter().map(|line| {
        let sum = format::money(line.amount * i64::from(line.quantity), &order.currency);
        let when = line.happens_at.map(|at| format!(", {} UTC", format::sortable(at)));
        (format!("{} × {}", line.quantity, line.title), sum + when.as_deref().unwrap_or_default())
    }));
    facts.push(("In all".to_owned(), format::money(order.amount, &order.currency)));
    if order.refunded > 0 {
        facts.push(("Went back".to_owned(), format::money(-order.refunded, &order.currency)));
    }
    let place = paths::order(&Holder::<Buying>::token(&app.secrets, order.id));
    let parts = vec![
        Part::Text(words),
        Part::Facts(facts),
        Part::Link("Your order".to_owned(), link(app, &place)),
        Part::Footer(format!("You get this mail because you have ordered something at {site}.")),
    ];
    let to = Person { name: order.name.unwrap_or_default(), email: order.email? };
    let mail = template::Mail { subject: format!("{subject} · {site}"), parts };
    Some(Letter { to, reply_to: None, unsubscribe: None, mail })
}

/// What owners are told of an order whose money Stripe did not give back; none where it went back by now.
pub(super) fn refund_failed(app: &App, to: Person, order: &Order) -> Option<Letter> {
    if order.refunded >= order.amount {
        return None;
    }
    let (number, buyer) = (orders::number(order.id), order.name.as_deref().unwrap_or("Its buyer"));
    let left = format::money(order.amount - order.refunded, &order.currency);
    let mut words = format!("Stripe could not give money back for order {number}.");
    if order.is_taken_back {
        words += " The buyer’s bank has taken the payment back by now.";
    } else {
        words += &format!(" {buyer} has paid, and {left} of it is still with you.");
    }
    if order.is_stuck {
        words += " They were told that it comes, and that it has not yet.";
    }
    let then = "Its page says what is known of it. Give it back there once that is put right.";
    let parts = vec![
        Part::Text(words),
        Part::Text(then.to_owned()),
        Part::Link("The order".to_owned(), link(app, &paths::admin_order(order.id))),
    ];
    let mail =
        template::Mail { subject: format!("A refund came to nothing: order {number}"), parts };
    Some(Letter { to, reply_to: None, unsubscribe: None, mail })
}

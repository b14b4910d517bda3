//! Why the guest could not follow its plan.

use std::error::Error;

/// What every function of the guest fails with: a text that says what was being done, and what went wrong. It goes to the host
/// as [`Event::Failed`](guest_protocol::Event::Failed).
pub type Failure = Box<dyn Error>;

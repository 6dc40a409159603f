use alloc::format;
use alloc::vec::Vec;
use core::cell::RefCell;

use super::{Call, Operation};
use crate::Capability;
use crate::error::{Error, Result, code};

/// The recorded requests, and the requests to fail.
#[derive(Debug, Default)]
pub(super) struct Journal {
    pub(super) calls: RefCell<Vec<Call>>,
    pub(super) failures: RefCell<Vec<(Operation, Error)>>,
    pub(super) granted: RefCell<Option<&'static [Capability]>>,
}

impl Journal {
    pub(super) fn record(&self, call: Call) -> Result<()> {
        let operation = call.operation();
        self.calls.borrow_mut().push(call);
        let capability = operation.capability();
        if let Some(granted) = *self.granted.borrow()
            && !granted.contains(&capability)
        {
            let message =
                format!("{operation:?} needs `Capability::{capability:?}` in `Tool::CAPABILITIES`");
            return Err(Error::new(code::DENIED, message));
        }
        let mut failures = self.failures.borrow_mut();
        match failures
            .iter()
            .position(|(failing, _)| *failing == operation)
        {
            Some(position) => Err(failures.remove(position).1),
            None => Ok(()),
        }
    }
}

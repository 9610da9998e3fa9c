"""The shapes on the wire (contract.md): what comes in is checked, what goes out is documented."""

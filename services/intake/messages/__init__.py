"""What intake hears (`heard`) and what it says (`said`): its own copy of every event it has an ear or a
mouth for."""

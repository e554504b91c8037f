"""A server that speaks the COS dialect: `app > http > auth > handlers > store`."""

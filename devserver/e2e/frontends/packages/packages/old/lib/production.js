exports.mode = 'production'

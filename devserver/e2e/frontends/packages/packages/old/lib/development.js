exports.mode = 'development'
